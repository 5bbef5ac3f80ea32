import { readFileSync } from "node:fs";
import type { Static, TObject, TSchema } from "typebox";
import { Value } from "typebox/value";
import { trustProblems } from "./http.ts";
import { redisProblems } from "./redis.ts";

/** The environment of a process. Only a `main.ts` reads `process.env` and passes it on. */
export type Environment = Record<string, string | undefined>;

/** An error that lists every bad variable, one per line. A service prints this error and exits with 1. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`invalid configuration:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Variables of the system that was used before Holdfast. They are refused. If they were ignored, operators would keep
 * using keys that no service reads.
 */
const REFUSED = ["QUEUE_PENDING", "QUEUE_PROCESSING", "QUEUE_DLQ"];

interface VariableSchema {
  type?: string;
  default?: unknown;
  description?: string;
  minimum?: number;
  maximum?: number;
  enum?: unknown[];
  pattern?: string;
  /** Whether the value is secret. Messages do not show it, and it can come from a file that `<NAME>_FILE` names. */
  secret?: boolean;
}

/**
 * Reads a typed configuration from the environment.
 *
 * The keys of the schema are the names of the variables. An empty variable counts as missing. If the schema says
 * `secret: true`, `<NAME>_FILE` can name a file that holds the value.
 *
 * @throws ConfigError that lists every bad variable, not only the first
 */
export function loadConfig<T extends TObject>(schema: T, env: Environment): Static<T> {
  const problems: string[] = [];
  const config: Record<string, unknown> = {};
  for (const name of REFUSED) {
    if (env[name]) {
      problems.push(
        `${name} is not used here: all keys of a queue derive from its name and QUEUE_PREFIX. Unset it and set QUEUE_PREFIX (default "queue")`,
      );
    }
  }
  for (const [name, property] of Object.entries(schema.properties)) {
    const variable = property as VariableSchema;
    const text = readVariable(name, variable, env, problems);
    if (text === undefined) {
      if (variable.default !== undefined) config[name] = variable.default;
      else if (schema.required?.includes(name) && !problems.some((problem) => problem.startsWith(name))) {
        problems.push(`${name} is not set: ${expectation(variable)}`);
      }
      continue;
    }
    const value = convert(text, variable.type);
    if (value === undefined || !Value.Check(property as TSchema, value)) {
      problems.push(`${name} must be ${expectation(variable)}${variable.secret ? "" : `, got "${text}"`}`);
    } else config[name] = value;
  }
  if (problems.length === 0) problems.push(...redisProblems(config), ...trustProblems(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config as Static<T>;
}

/** Returns a Markdown table of the variables in a schema. */
export function configTable(schema: TObject): string {
  const rows = Object.entries(schema.properties).map(([name, property]) => {
    const variable = property as VariableSchema;
    const value = variable.default === undefined ? "–" : `\`${String(variable.default)}\``;
    const file = variable.secret ? ` Also as \`${name}_FILE\`.` : "";
    return `| \`${name}\` | ${value} | ${expectation(variable)} | ${variable.description ?? ""}${file} |`;
  });
  return ["| Variable | Default | Values | Meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function readVariable(
  name: string,
  variable: VariableSchema,
  env: Environment,
  problems: string[],
): string | undefined {
  const direct = env[name] === "" ? undefined : env[name];
  const file = variable.secret ? env[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) {
    problems.push(`${name} and ${name}_FILE are both set: keep one of them`);
    return undefined;
  }
  try {
    // Editors and `echo` add a newline at the end of a file. It is not part of the secret.
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    problems.push(`${name}_FILE: cannot read "${file}": ${(error as Error).message}`);
    return undefined;
  }
}

function convert(text: string, type: string | undefined): unknown {
  switch (type) {
    case "integer":
      return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
    case "number":
      return /^-?\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : undefined;
    case "boolean":
      if (text === "1" || text === "true") return true;
      return text === "0" || text === "false" ? false : undefined;
    default:
      return text;
  }
}

function expectation(variable: VariableSchema): string {
  if (variable.enum) return variable.enum.map(String).join(", ");
  switch (variable.type) {
    case "boolean":
      return "1 or 0";
    case "integer":
    case "number": {
      const noun = variable.type === "integer" ? "an integer" : "a number";
      if (variable.minimum === undefined) return noun;
      if (variable.maximum === undefined) return `${noun} from ${variable.minimum}`;
      return `${noun} from ${variable.minimum} to ${variable.maximum}`;
    }
    default:
      // An unescaped `|` would end the table cell in the docs.
      return variable.pattern
        ? `a string that matches \`${variable.pattern.replaceAll("|", "\\|")}\``
        : "a string";
  }
}
