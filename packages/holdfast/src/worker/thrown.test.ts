import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import vm from "node:vm";
import { FatalError, HoldfastError, LIMITS, RetryAfter } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { decodeRecord } from "../engine/record.ts";
import { judge } from "./retry-policy.ts";
import { cutText, errorText, readThrown, type Thrown } from "./thrown.ts";

const BACKOFF = { kind: "fixed", baseMs: 500, jitter: "none" } as const;

/** Returns what happens to a task without own backoff and maxRetries if its handler throws `thrown`. */
function verdictOf(thrown: Thrown) {
  const policy = { maxRetries: 3, backoff: BACKOFF, isFailure: undefined, deadLetter: true };
  const own = { backoff: null, maxRetries: null };
  const unused = (): never => expect.unreachable();
  return judge(thrown, policy, {
    attempt: 1,
    error: thrown,
    own,
    random: 0.5,
    task: unused,
    onError: unused,
  });
}

const textOf = (error: unknown) => errorText(readThrown(error));
/** Returns the text that an operator sees in a dead letter. */
const shown = (error: unknown) => textOf(error).replaceAll("%0A", "\n");
const there = (code: string): unknown => vm.runInNewContext(code);
const withoutStack = <E extends Error>(error: E): E => Object.assign(error, { stack: undefined });

describe("the stored text of an error", () => {
  test("names the error, and is one line within the limit", () => {
    expect(textOf(new TypeError("no such thing"))).toMatch(/^TypeError: no such thing%0A {4}at /);
    const long = textOf(new Error("x".repeat(5_000)));
    expect(long).toHaveLength(LIMITS.errorCharacters);
    expect(long).toMatch(/x … \(cut\)$/);
    expect(long).not.toContain("\n");
  });

  test("has the stack only down to the handler, if it is known where the worker called it", () => {
    const stack =
      "Error: no\n    at charge (/app/charge.js:3:9)\n    at Object.charge (/app/handlers.js:1:1)";
    const of = (text: string) => textOf(Object.assign(new Error("no"), { stack: text }));
    const below =
      "\n    at #begin (file:///x/queue-runner.js:9:9)\n    at #roundTrip (file:///x/queue-runner.js:1:1)";
    const kept = stack.replaceAll("\n", "%0A");
    expect(of(`${stack}\n    at RunningTask.start (file:///x/running-task.js:217:59)${below}`)).toBe(kept);
    const other = `${stack}\n    at RunningTask.start (/app/race.js:1:1)`;
    expect(of(`${other}\n    at main (/app/running-task.js:5:5)`)).toContain("at main");
    expect(of(`${stack}${below}`)).toContain("#begin");
  });

  test("has whole lines of a stack only", () => {
    const stack = `Error: no${"\n    at somewhere (/app/of/some/length.js:3:9)".repeat(100)}`;
    const text = shown(Object.assign(new Error("no"), { stack }));
    expect(text.length).toBeGreaterThan(900);
    expect(text.endsWith(".js:3:9)")).toBe(true);
  });

  test("has the present name and message, and the stack even if the message has several lines", () => {
    const error = new Error("one\n    at two");
    error.name = "LateName";
    expect(shown(error)).toMatch(/^LateName: one\n {4}at two\n {4}at .*thrown\.test/);
  });

  test("without a stack it is name and message", () => {
    expect(textOf(withoutStack(new RangeError("far")))).toBe("RangeError: far");
    expect(textOf(withoutStack(new RangeError("")))).toBe("RangeError");
  });

  test("the shown text has the code of the error if the message does not contain it", () => {
    const coded = (message: string, code: unknown) =>
      shown(withoutStack(Object.assign(new Error(message), { code })));
    expect(coded("duplicate key", "23505")).toBe("Error [23505]: duplicate key");
    expect(coded("connect ECONNREFUSED 127.0.0.1:1", "ECONNREFUSED")).toBe(
      "Error: connect ECONNREFUSED 127.0.0.1:1",
    );
    expect(coded("no", { not: "a code" })).toBe("Error: no");
    expect(coded("no", 503)).toBe("Error [503]: no");
    expect(shown(new DOMException("no", "AbortError"))).toMatch(/^AbortError: no\n/);
  });

  test("has the chain of causes, even if the outer message and stack are long", () => {
    const error = new Error("x".repeat(3_000), {
      cause: new TypeError("outer cause", {
        cause: Object.assign(new Error("disk full"), { code: "ENOSPC" }),
      }),
    });
    const text = shown(error);
    expect(text.split("\n").slice(-2)).toEqual([
      "Caused by: TypeError: outer cause",
      "Caused by: Error [ENOSPC]: disk full",
    ]);
    expect(text).toContain("\n    at ");
    expect(text.length).toBeLessThanOrEqual(LIMITS.errorCharacters);
  });

  test("has a cause that is not an error, and ends in a circle", () => {
    expect(shown(new Error("no", { cause: "the reason" }))).toContain("\nCaused by: the reason");
    expect(shown(new Error("no", { cause: { status: 503 } }))).toContain("\nCaused by: { status: 503 }");
    const circle = new Error("circle");
    circle.cause = new Error("inner", { cause: circle });
    expect(shown(circle).match(/Caused by/g)).toHaveLength(1);
  });

  test("has the first errors of an aggregate and how many there are, each with its causes", async () => {
    const mirrors = ["a", "b", "c", "d"].map((name) =>
      Promise.reject(new Error(`mirror ${name}`, { cause: new Error(`${name} is down`) })),
    );
    const error = await Promise.any(mirrors).catch((error: unknown) => error);
    expect(shown(error).split("\n").slice(-6)).toEqual([
      "Error 1 of 4: Error: mirror a",
      "Caused by: Error: a is down",
      "Error 2 of 4: Error: mirror b",
      "Caused by: Error: b is down",
      "Error 3 of 4: Error: mirror c",
      "Caused by: Error: c is down",
    ]);
  });

  test("says why a fetch failed", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const error = await fetch(`http://127.0.0.1:${port}/`).catch((error: unknown) => error);
    const lines = shown(error).split("\n");
    expect(lines[0]).toBe("TypeError: fetch failed");
    expect(lines.at(-1)).toBe(`Caused by: Error: connect ECONNREFUSED 127.0.0.1:${port}`);
  });

  test("an object with a message counts as an error, and any other object is shown", () => {
    expect(shown({ message: "duplicate key", code: "23505" })).toBe("Error [23505]: duplicate key");
    expect(shown({ status: 503, body: { retry: true } })).toBe("{ status: 503, body: { retry: true } }");
    expect(shown(new Map([["a", 1]]))).toBe("Map(1) { 'a' => 1 }");
    expect(shown(Object.create(null))).toBe("[Object: null prototype] {}");
  });

  test("is the same for an error from another realm", () => {
    const lines = shown(there(`new TypeError("there", { cause: new Error("why") })`)).split("\n");
    expect([lines[0], lines.at(-1)]).toEqual(["TypeError: there", "Caused by: Error: why"]);
  });

  test("anything can be thrown", () => {
    expect(textOf("a string, 100%")).toBe("a string, 100%25");
    expect(textOf(undefined)).toBe("undefined");
    expect(textOf(null)).toBe("null");
    expect(textOf(10n)).toBe("10");
    expect(textOf(Symbol("s"))).toBe("Symbol(s)");
    expect(textOf("")).toBe("");
  });

  test("an emoji that is cut at the limit does not break the record", () => {
    const cut = textOf(`${"x".repeat(LIMITS.errorCharacters - 1)}😀`);
    expect(cut.isWellFormed()).toBe(true);
    expect(decodeRecord(`p1,1,0,0,0,0,\n1 0 failed 1 2 w t ${cut}`, false).history).toHaveLength(1);
  });
});

const evil = (key: string, error: Error = new Error("x")) =>
  Object.defineProperty(error, key, {
    get() {
      throw new Error(`the getter of ${key} threw`);
    },
  });

function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

test.each([
  ["a getter of name", evil("name")],
  ["a getter of message", evil("message")],
  ["a getter of stack", evil("stack")],
  ["a getter of code", evil("code")],
  ["a getter of cause", evil("cause")],
  ["a getter of errors", evil("errors")],
  ["a getter of delayMs", evil("delayMs", new RetryAfter(5))],
  ["a revoked proxy of an error", revoked(new Error("x"))],
  ["a revoked proxy of an object", revoked({})],
  ["a revoked proxy as cause", new Error("x", { cause: revoked(new Error("y")) })],
  ["a revoked proxy as errors", Object.assign(new Error("x"), { errors: revoked([]) })],
  ["a wait that is a symbol", Object.assign(new Error("x"), { name: "RetryAfter", delayMs: Symbol("s") })],
  [
    "a wait without a value",
    Object.assign(new Error("x"), { name: "RetryAfter", delayMs: Object.create(null) }),
  ],
  ["a name that is a number", Object.assign(new Error("x"), { name: 42 })],
  ["a stack that is an object", Object.assign(new Error("x"), { stack: Object.create(null) })],
  [
    "an object whose inspection throws",
    {
      [Symbol.for("nodejs.util.inspect.custom")]: () => {
        throw new Error("no");
      },
    },
  ],
])("%s loses only its own text", (_, thrown) => {
  expect(typeof textOf(thrown)).toBe("string");
  expect(verdictOf(readThrown(thrown))).toMatchObject({
    kind: "fail",
    delayMs: expect.any(Number),
  });
});

describe("the meaning of a thrown error", () => {
  const verdict = (error: unknown) => verdictOf(readThrown(error));
  const named = (name: string, fields: object = {}) => Object.assign(new Error("x"), { name }, fields);

  test("FatalError is fatal, RetryAfter sets the wait, and every other error waits by the backoff", () => {
    expect(verdict(new FatalError("no"))).toEqual({ kind: "fatal" });
    expect(verdict(new RetryAfter(1_234))).toEqual({ kind: "fail", delayMs: 1_234 });
    for (const error of [
      new Error("x"),
      new HoldfastError("internal", "x"),
      "text",
      undefined,
      { name: "Other" },
    ]) {
      expect(verdict(error)).toEqual({ kind: "fail", delayMs: 500 });
    }
  });

  test("a subclass with a name of its own means the same", () => {
    class CardDeclined extends FatalError {
      override name = "CardDeclined";
    }
    class RateLimited extends RetryAfter {
      override name = "RateLimited";
    }
    expect(verdict(new CardDeclined("no"))).toEqual({ kind: "fatal" });
    expect(verdict(new RateLimited(7))).toEqual({ kind: "fail", delayMs: 7 });
  });

  test("the first FatalError or RetryAfter among the causes decides", () => {
    const wrapped = (cause: unknown) => new Error("outer", { cause: new Error("between", { cause }) });
    expect(verdict(wrapped(new FatalError("no")))).toEqual({ kind: "fatal" });
    expect(verdict(wrapped(new RetryAfter(7)))).toEqual({ kind: "fail", delayMs: 7 });
    expect(verdict(new RetryAfter(7, "soon", { cause: new FatalError("no") }))).toEqual({
      kind: "fail",
      delayMs: 7,
    });
    // Whether to retry cannot be taken from the inner errors, because one may be fatal and another one not.
    expect(verdict(new AggregateError([new FatalError("no")]))).toEqual({ kind: "fail", delayMs: 500 });
  });

  test("the name decides too, since a handler may use another copy of the library", () => {
    expect(verdict(named("FatalError"))).toEqual({ kind: "fatal" });
    expect(verdict(named("RetryAfter", { delayMs: 7 }))).toEqual({ kind: "fail", delayMs: 7 });
    expect(verdict({ name: "FatalError", message: "sent through JSON" })).toEqual({ kind: "fatal" });
    expect(verdict({ name: "FatalError" })).toEqual({ kind: "fatal" });
  });

  test("errors of another realm mean the same", () => {
    expect(verdict(there(`const e = new Error("x"); e.name = "FatalError"; e`))).toEqual({ kind: "fatal" });
    const later = there(`const e = new Error("x"); e.name = "RetryAfter"; e.delayMs = 60000; e`);
    expect(verdict(later)).toEqual({ kind: "fail", delayMs: 60_000 });
  });

  test.each([
    [undefined, 0],
    [Number.NaN, 0],
    ["no", 0],
    ["250", 250],
    [-5, 0],
    [Number.POSITIVE_INFINITY, LIMITS.delayMs],
  ])("a wait of %s becomes a number that a script can use: %s", (delayMs, sane) => {
    expect(verdict(named("RetryAfter", { delayMs }))).toEqual({ kind: "fail", delayMs: sane });
  });
});

test("a text that is cut says so", () => {
  expect(cutText("x".repeat(100), 100)).toBe("x".repeat(100));
  expect(cutText("x".repeat(101), 100)).toBe(`${"x".repeat(92)} … (cut)`);
});
