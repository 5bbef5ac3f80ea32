import { FatalError, HoldfastError, LIMITS, RetryAfter } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { decodeRecord } from "../engine/record.ts";
import { JsonText } from "./json-text.ts";
import { errorText, resultText, verdictOfError } from "./running-task.ts";

describe("the text that is kept of an error", () => {
  test("names it, and is one line of at most the limit", () => {
    expect(errorText(new TypeError("no such thing"))).toMatch(/^TypeError: no such thing%0A {4}at /);
    const long = errorText(new Error("x".repeat(5_000)));
    expect(long).toHaveLength(LIMITS.errorCharacters);
    expect(long).not.toContain("\n");
  });

  test("ends where the worker called the handler, as far as that is known", () => {
    const stack =
      "Error: no\n    at charge (/app/charge.js:3:9)\n    at Object.charge (/app/handlers.js:1:1)";
    const of = (text: string) => errorText(Object.assign(new Error("no"), { stack: text }));
    const below =
      "\n    at #begin (file:///x/queue-runner.js:9:9)\n    at #turn (file:///x/queue-runner.js:1:1)";
    const kept = stack.replaceAll("\n", "%0A");
    expect(of(`${stack}\n    at RunningTask.start (file:///x/running-task.js:217:59)${below}`)).toBe(kept);
    const other = `${stack}\n    at RunningTask.start (/app/race.js:1:1)`;
    expect(of(`${other}\n    at main (/app/running-task.js:5:5)`)).toContain("at main");
    expect(of(`${stack}${below}`)).toContain("#begin");
  });

  test("without a stack it is name and message", () => {
    const error = new RangeError("far");
    Object.defineProperty(error, "stack", { value: undefined });
    expect(errorText(error)).toBe("RangeError: far");
  });

  test("anything can be thrown", () => {
    expect(errorText("a string, 100%")).toBe("a string, 100%25");
    expect(errorText(undefined)).toBe("undefined");
    expect(errorText(null)).toBe("null");
    expect(errorText(Symbol("s"))).toBe("Symbol(s)");
    expect(errorText(Object.create(null))).toBe("the handler threw a value that has no text");
  });

  test("half an emoji at the limit does not spoil the record", () => {
    const cut = errorText(`${"x".repeat(LIMITS.errorCharacters - 1)}😀`);
    expect(cut.isWellFormed()).toBe(true);
    expect(decodeRecord(`p1,1,0,0,0,0,\n1 0 failed 1 2 w t ${cut}`, false).history).toHaveLength(1);
  });
});

describe("the text of a result", () => {
  test("is JSON, and nothing for undefined", () => {
    expect(resultText(undefined)).toBeUndefined();
    expect(resultText({ a: [1, "x"] })).toBe('{"a":[1,"x"]}');
    expect(resultText(null)).toBe("null");
    expect(resultText(() => 1)).toBeUndefined();
  });

  test("JsonText is kept byte by byte", () => {
    expect(resultText(new JsonText(' {"n": 12345678901234567890}'))).toBe(' {"n": 12345678901234567890}');
    expect(() => new JsonText("{")).toThrow(expect.objectContaining({ code: "invalid_json" }));
  });

  test("is refused over the limit, counted in bytes", () => {
    expect(resultText("x".repeat(LIMITS.resultBytes - 2))).toHaveLength(LIMITS.resultBytes);
    for (const value of ["x".repeat(LIMITS.resultBytes - 1), "é".repeat(LIMITS.resultBytes / 2)]) {
      expect(() => resultText(value)).toThrow(expect.objectContaining({ code: "payload_too_large" }));
    }
  });

  test("is refused where there is none", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    for (const value of [circle, 1n]) {
      expect(() => resultText(value)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    }
  });
});

describe("what a throw means", () => {
  const backoff = { kind: "fixed", baseMs: 500, jitter: "none" } as const;
  const verdict = (error: unknown) => verdictOfError(error, backoff, 1, 0.5);
  const named = (name: string, fields: object = {}) => Object.assign(new Error("x"), { name }, fields);

  test("FatalError is fatal, RetryAfter brings its wait, everything else waits by the backoff", () => {
    expect(verdict(new FatalError("no"))).toEqual({ kind: "fatal" });
    expect(verdict(new RetryAfter(1_234))).toEqual({ kind: "fail", delayMs: 1_234 });
    for (const error of [
      new Error("x"),
      new HoldfastError("internal", "x"),
      "text",
      undefined,
      { name: "FatalError" },
    ]) {
      expect(verdict(error)).toEqual({ kind: "fail", delayMs: 500 });
    }
  });

  test("it goes by the name, since a handler may carry another copy of the library", () => {
    expect(verdict(named("FatalError"))).toEqual({ kind: "fatal" });
    expect(verdict(named("RetryAfter", { delayMs: 7 }))).toEqual({ kind: "fail", delayMs: 7 });
  });

  test.each([
    [undefined, 0],
    [Number.NaN, 0],
    ["no", 0],
    [-5, 0],
    [Number.POSITIVE_INFINITY, LIMITS.delayMs],
  ])("a wait of %s is made one that a script can count with: %s", (delayMs, sane) => {
    expect(verdict(named("RetryAfter", { delayMs }))).toEqual({ kind: "fail", delayMs: sane });
  });
});
