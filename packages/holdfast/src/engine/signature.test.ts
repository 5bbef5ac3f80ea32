import { randomBytes, randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { errorSignature, toldOf } from "./signature.ts";

const int = () => Math.floor(Math.random() * 1e9);
const hex = (bytes: number) => randomBytes(bytes).toString("hex");

/** Makes errors as programs write them, each with parts that differ from task to task. */
const KINDS: (() => string)[] = [
  () => `Error: order ${int()} not found`,
  () => `TimeoutError: timed out after ${int()} ms`,
  () => `Error: duplicate key ${randomUUID()}`,
  () => `Error: object 0x${hex(1 + (int() % 8))} is gone`,
  () => `Error: commit ${hex(20)} has no parent`,
  () =>
    `FetchError: GET https://api.example.com/v1/users/${int()}?token=${hex(8)} answered ${400 + (int() % 9)}`,
  () => `Error: cannot open /var/data/${hex(4)}/part-${int()}.csv`,
  () => `TypeError: Cannot read properties of undefined (reading '${hex(int() % 9)}')`,
  () => `Error: mail to user.${int()}@example.com bounced`,
  () => `Error [ECONNREFUSED]: connect ECONNREFUSED 10.0.${int() % 255}.${int() % 255}:${int() % 65_536}`,
  () => `RangeError: value ${Math.random() * 1e6 - 5e5} is out of range`,
  () => `Error: lock "${hex(int() % 6)}" was taken at ${new Date(int() * 1000).toISOString()}`,
  () => `Error: request id=${hex(16)} span=${hex(8)} failed`,
  () => `ValidationError: line ${int() % 100}, column ${int() % 100}: unexpected token`,
];

test("texts that differ only in numbers, hexadecimal, UUIDs, URLs, paths and quoted text have one signature", () => {
  const signatures = KINDS.map((kind) => new Set(Array.from({ length: 500 }, () => errorSignature(kind()))));
  for (const found of signatures) expect([...found]).toHaveLength(1);
  expect(new Set(signatures.flatMap((found) => [...found])).size).toBe(KINDS.length);
});

test.each([
  ["Error: no route to host", "Error: no route to host"],
  ["Error: it isn't there, don't ask", "Error: it isn't there, don't ask"],
  ["PrismaClientKnownRequestError: failed", "PrismaClientKnownRequestError: failed"],
  ["Error: GET https://api.example.com/a/1?b=2 failed", "Error: GET https://api.example.com/<path> failed"],
  ["Error: 12 of 1.5e9", "Error: <n> of <n>"],
  ["Error\n    at loadUser (/app/users.js:3:7)\n    at run (/app/a.js:1:1)", "Error (loadUser)"],
  ["Error: order 17 of 99", "Error: order <n> of <n>"],
  ["no user 7b1f8a3e-52a1-4b0e-9c3d-0123456789AB", "no user <n>"],
  ["at 0xdeadBEEF", "at <n>"],
  [`unknown key "a" in 'b c' of \`d\``, "unknown key <text> in <text> of <text>"],
  ["first line\n    at second (file.ts:1:2)", "first line"],
  [
    "TypeError: fetch failed\n    at x (y.js:1:2)\nCaused by: Error: connect ECONNREFUSED 10.0.0.7:80",
    "TypeError: fetch failed (Error: connect ECONNREFUSED <n>)",
  ],
  [
    "TypeError: fetch failed\nCaused by: AggregateError [ECONNREFUSED]\nError 1 of 2: Error: connect ECONNREFUSED ::1",
    "TypeError: fetch failed (Error: connect ECONNREFUSED ::<n>)",
  ],
  [
    "AggregateError: All promises were rejected\nError 1 of 2: Error: mirror a: 503\nError 2 of 2: Error: mirror b",
    "AggregateError: All promises were rejected (Error: mirror a: <n>)",
  ],
  ["Error\nCaused by: Error", "Error (Error)"],
  // The first line says what failed, so the signature does not include the cause.
  ["Error: cannot save invoice 7\nCaused by: Error: disk full", "Error: cannot save invoice <n>"],
  ["a text\nCaused by: Error: disk full", "a text"],
  ["", ""],
  [null, ""],
])("%j has the signature %j", (error, signature) => {
  expect(errorSignature(error)).toBe(signature);
});

test("a signature has at most 200 characters", () => {
  expect(errorSignature("x".repeat(1_000))).toHaveLength(200);
});

test("the same text in another type is another error; the version and the tags do not matter", () => {
  const of = (type: string, version = "", tags: string[] = []) =>
    toldOf({ type, version, tags, error: "Error: 1" });
  expect(of("a")).toMatch(/^[\da-f]{12} a - -$/);
  expect(of("a", "1 b", ["x y", "z"])).toBe(`${of("a").slice(0, 12)} a 1%20b x%20y,z`);
  expect(of("b").slice(0, 12)).not.toBe(of("a").slice(0, 12));
});

test("what is told of a failure is the same when its first line was seen before", () => {
  const of = (error: string, version = "1", tags: string[] = []) =>
    toldOf({ type: "seen", version, tags, error });
  for (const [error, version, tags] of [
    ["Error: order 17 not found%0A    at a (b.js:1:2)", "1", []],
    ["Error: order 17 not found%0A    at a (b.js:1:2)", "2", ["x"]],
    ["Error: order 17 not found", "2", ["x", "y"]],
    // The first line says nothing, so the name of the function that threw is part of the signature.
    ["Error%0A    at first (b.js:1:2)", "1", []],
    ["Error%0A    at second (b.js:1:2)", "1", []],
  ] as const)
    expect(of(error, version, [...tags])).toBe(of(error, version, [...tags]));
  expect(of("Error: order 17 not found").slice(0, 12)).toBe(
    of("Error: order 18 not found%0A    at z").slice(0, 12),
  );
  expect(of("Error%0A    at first (b.js:1:2)")).not.toBe(of("Error%0A    at second (b.js:1:2)"));
  expect(of("Error: a", "2", ["x"])).not.toBe(of("Error: a", "2", ["y"]));
});
