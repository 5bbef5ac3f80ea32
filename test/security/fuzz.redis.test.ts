import { SCOPES } from "@holdfast/contracts";
import fc from "fast-check";
import { Value } from "typebox/value";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Operation, type SecuredStack, startSecuredStack } from "./secured-stack.ts";

// `make fuzz` makes many more runs. A failure prints its seed, and HOLDFAST_FUZZ_SEED repeats the run with that seed.
const RUNS = Number(process.env.HOLDFAST_FUZZ_RUNS ?? 12);
const SEED = process.env.HOLDFAST_FUZZ_SEED;
const HANG_MS = 20_000;

let stack: SecuredStack;
let admin: string;
let operations: Operation[];
beforeAll(async () => {
  stack = await startSecuredStack();
  operations = await stack.operations();
  admin = (await stack.key({ label: "fuzz", scopes: [...SCOPES] })).text;
}, 180_000);
afterAll(() => stack?.stop());

const hostile = fc.constantFrom(
  ...[
    "",
    " ",
    "..",
    "../..",
    "%2e%2e",
    "%",
    "%00",
    "{x}",
    "a{b}",
    "#",
    "?",
    "\u0000",
    "\ud800",
    "😀",
    "null",
  ],
  ...[
    "-1",
    "1e309",
    "9".repeat(400),
    "a".repeat(5_000),
    "__proto__",
    "constructor",
    "<script>",
    "' OR 1=1 --",
  ],
);
const text = fc.oneof(hostile, fc.string(), fc.constantFrom("fuzz", "default", "task"));
const scalar = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 2 ** 53, 1e21, [], {}),
  fc.integer(),
  fc.double(),
  text,
);

/**
 * Makes values of which most match the schema, so that they pass the first check. The other values are of any kind.
 */
function arbitraryOf(schema: Record<string, unknown>, depth = 0): fc.Arbitrary<unknown> {
  const anything = fc.oneof(scalar, fc.jsonValue({ maxDepth: 3 }));
  const {
    type,
    properties,
    items,
    enum: choices,
    anyOf,
    const: only,
    minimum,
    maximum,
  } = schema as {
    type?: string;
    properties?: Record<string, Record<string, unknown>>;
    items?: Record<string, unknown>;
    enum?: unknown[];
    anyOf?: Record<string, unknown>[];
    const?: unknown;
    minimum?: number;
    maximum?: number;
  };
  const fitting = (): fc.Arbitrary<unknown> => {
    if (depth > 4) return scalar;
    if (only !== undefined) return fc.constant(only);
    if (choices) return fc.constantFrom(...choices);
    if (anyOf) return fc.oneof(...anyOf.map((option) => arbitraryOf(option, depth + 1)));
    if (properties) {
      const fields = Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, arbitraryOf(inner, depth + 1)]),
      );
      return fc.record(fields, { requiredKeys: [] });
    }
    if (items) return fc.array(arbitraryOf(items, depth + 1), { maxLength: 4 });
    if (type === "integer" || type === "number")
      return fc.integer({
        min: Math.ceil(Math.min(minimum ?? 0, 1_000)),
        max: Math.floor(Math.min(maximum ?? 1_000, 100_000)),
      });
    if (type === "boolean") return fc.boolean();
    if (type === "null") return fc.constant(null);
    return type === "string" ? text : anything;
  };
  return fc.oneof({ weight: 4, arbitrary: fitting() }, { weight: 1, arbitrary: anything });
}

const rawBody = fc.oneof(
  fc.constantFrom(
    "",
    "{",
    "[",
    "nul",
    '{"a":1,"a":2}',
    `${"[".repeat(2_000)}`,
    '"\\ud800"',
    "\ufeff{}",
    "\ufeff\ufeff{}",
  ),
  fc.string(),
  fc.jsonValue().map((value) => JSON.stringify(value)),
);

async function send(operation: Operation, segment: string, query: string, body: string | undefined) {
  const path = operation.path.replaceAll(/\{\w+\}/g, encodeURIComponent(segment.toWellFormed()));
  const response = await fetch(`${operation.base}${path}${query}`, {
    method: operation.method,
    headers: {
      authorization: `Bearer ${admin}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(HANG_MS),
  });
  const type = response.headers.get("content-type") ?? "";
  // A stream of events has no end, so its body is not read.
  const isStream = type.startsWith("text/event-stream");
  if (isStream) await response.body?.cancel();
  const answer = isStream ? "" : await response.text();
  return { status: response.status, type, answer };
}

/** Shortens the waits of long polls, because a wait of half a minute is too long for the fuzz. */
const brief = (value: unknown) => (Number(value) > 50 && Number(value) <= 30_000 ? 50 : value);
const briefBody = (body: unknown) =>
  typeof body === "object" && body !== null && "waitMs" in body
    ? { ...body, waitMs: brief(body.waitMs) }
    : body;

const parameters = { numRuns: RUNS, ...(SEED === undefined ? {} : { seed: Number(SEED) }) };

test("no request makes a route fail, hang or accept invalid data, and every error is problem+json", async () => {
  for (const operation of operations) {
    const { bodySchema } = operation;
    const input = fc.record({
      segment: fc.oneof({ weight: 3, arbitrary: fc.constant("fuzz") }, { weight: 1, arbitrary: text }),
      query: fc.oneof(
        fc.constant({}),
        fc.record(
          Object.fromEntries(
            Object.entries(operation.querySchema).map(([name, schema]) => [
              name,
              arbitraryOf(schema as Record<string, unknown>).map(
                name === "waitMs" ? brief : (value) => value,
              ),
            ]),
          ),
          { requiredKeys: [] },
        ),
      ),
      // Whether to add a query parameter that no route knows. The route then has to refuse the request.
      isStranger: fc.boolean(),
      body: bodySchema
        ? fc.oneof(
            {
              weight: 4,
              arbitrary: arbitraryOf(bodySchema).map((value) => JSON.stringify(briefBody(value))),
            },
            rawBody,
          )
        : fc.constant(undefined),
    });
    await fc.assert(
      fc.asyncProperty(input, async ({ segment, query, isStranger, body }) => {
        const given = { ...(query as Record<string, unknown>), ...(isStranger ? { no_such_filter: 1 } : {}) };
        const search = new URLSearchParams(
          Object.entries(given).map(([name, value]): [string, string] => [
            name,
            String(typeof value === "object" ? JSON.stringify(value) : value),
          ]),
        ).toString();
        const { status, type, answer } = await send(operation, segment, search ? `?${search}` : "", body);
        const where = `${operation.service} ${operation.method} ${operation.path}: ${status} ${answer.slice(0, 300)}`;
        if (status >= 500) throw new Error(where);
        if (status >= 400 && !type.includes("problem+json")) throw new Error(`no problem: ${where}`);
        if (status < 400 && isStranger) throw new Error(`an unknown parameter was accepted: ${where}`);
        if (answer.includes("    at ")) throw new Error(`a stack: ${where}`);
        if (status < 300 && bodySchema && !isAccepted(bodySchema, body, status === 207 ? answer : undefined))
          throw new Error(`garbage accepted: ${where}`);
      }),
      parameters,
    );
  }
  for (const [name, service] of Object.entries(stack.processes)) {
    expect([name, service.child.exitCode]).toEqual([name, null]);
    expect(service.output()).not.toContain('"level":50');
  }
}, 3_600_000);

/**
 * Returns whether the schema in the description of the route accepts the body.
 * @param batch the answer to a batch, which has one result per element
 */
function isAccepted(schema: Record<string, unknown>, body: string | undefined, batch?: string): boolean {
  if (body === undefined || body === "") return true;
  try {
    // A byte order mark at the beginning of a body is ignored.
    const value = JSON.parse(body.replace(/^\ufeff/, "")) as unknown;
    if (batch === undefined) return Value.Check(schema as never, value);
    const { items } = schema as { items: Record<string, unknown> };
    const { accepted, duplicates } = JSON.parse(batch) as { accepted: number; duplicates: number };
    const good = (value as unknown[]).filter((item) => Value.Check(items as never, item)).length;
    return accepted + duplicates <= good;
  } catch {
    return false;
  }
}
