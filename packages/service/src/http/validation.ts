import type { FastifyInstance, FastifySchemaCompiler } from "fastify";
import { type TSchema, Type } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { Value } from "typebox/value";

/**
 * Makes a schema for a string from a list. A wrong value gives one error. With a union of literals, it would give one
 * per literal.
 */
export function OneOf<const T extends string>(values: readonly T[], options: Record<string, unknown> = {}) {
  return Type.Unsafe<T>({ type: "string", enum: [...values], ...options });
}

interface Property {
  type?: string;
  default?: unknown;
}

interface Issue {
  keyword: string;
  instancePath: string;
  message: string;
  params: Record<string, unknown>;
}

/** Lists what is wrong with a value, such as unknown and missing fields. Empty only if the value is valid. */
export function issuesOf(validator: Validator, value: unknown): Issue[] {
  if (validator.Check(value)) return [];
  const issues: Issue[] = [];
  const unknown: string[] = [];
  for (const error of validator.Errors(value)) {
    const params = error.params as Record<string, unknown>;
    // TypeBox reports an unknown field twice: once at the field, as a `false` schema, and once in a list at the object.
    if (error.keyword === "boolean") {
      unknown.push(error.instancePath);
      continue;
    }
    issues.push({
      keyword: error.keyword,
      instancePath: error.instancePath,
      message: wording(error.keyword, params, error.message),
      params,
    });
  }
  // TypeBox stops after eight errors. If there are many unknown fields, that list may be missing.
  if (issues.length === 0)
    issues.push({
      keyword: "additionalProperties",
      instancePath: "",
      message: unknown.length > 0 ? `has unknown fields: ${quoted(unknown.map(nameOf))}` : "does not fit",
      params: {},
    });
  return issues.slice(0, 20);
}

/**
 * Makes TypeBox the validator of Fastify. Values in a body are not converted: "5" is not 5, and unknown fields are not
 * dropped. Query, path and headers are text, so numbers and booleans in them are parsed.
 */
export const typeboxValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  const properties = (schema as { properties?: Record<string, Property> }).properties ?? {};
  const isAllText = Object.values(properties).every(
    (property) => property.type === "string" && !("default" in property),
  );
  return (value: unknown) => {
    const candidate = httpPart === "body" || isAllText ? value : fromText(schema, properties, value);
    const issues = issuesOf(validator, candidate);
    return issues.length === 0 ? { value: candidate } : { error: issues as unknown as Error };
  };
};

const NO_QUERY = Type.Object({}, { additionalProperties: false });

/**
 * Makes every route of the API refuse unknown query parameters. If a misspelt filter were ignored, the request would
 * act on more tasks than the caller asked for.
 */
export function closeQueries(app: Pick<FastifyInstance, "addHook">): void {
  app.addHook("onRoute", (route) => {
    if (!route.url.startsWith("/v1/")) return;
    const { querystring = NO_QUERY } = route.schema ?? {};
    if ((querystring as TSchema & { additionalProperties?: unknown }).additionalProperties !== false)
      throw new Error(`${String(route.method)} ${route.url}: its query lacks additionalProperties: false`);
    route.schema = { ...route.schema, querystring };
  });
}

function fromText(schema: TSchema, properties: Record<string, Property>, value: unknown): unknown {
  const result: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  for (const [name, text] of Object.entries(result)) {
    if (typeof text !== "string") continue;
    const type = properties[name]?.type;
    if (type === "integer" && /^-?\d{1,15}$/.test(text)) result[name] = Number(text);
    else if (type === "number" && /^-?\d{1,15}(\.\d+)?$/.test(text)) result[name] = Number(text);
    else if (type === "boolean" && (text === "true" || text === "false")) result[name] = text === "true";
  }
  return Value.Default(schema, result);
}

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(", ");

/** Returns the last name of a JSON pointer. */
const nameOf = (pointer: string) =>
  (pointer.split("/").at(-1) ?? "").replaceAll("~1", "/").replaceAll("~0", "~");

function wording(keyword: string, params: Record<string, unknown>, message: string): string {
  const list = (names: unknown) => quoted(names as string[]);
  if (keyword === "additionalProperties") return `has unknown fields: ${list(params.additionalProperties)}`;
  if (keyword === "enum") return `must be one of ${list(params.allowedValues)}`;
  if (keyword === "required") return `lacks required fields: ${list(params.requiredProperties)}`;
  return message;
}
