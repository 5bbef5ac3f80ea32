import { FatalError, LIMITS } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { JsonText, logText, progressText, storedResult } from "./json-text.ts";

const circle: unknown[] = [];
circle.push(circle);
const throwing = (thrown: unknown) => ({
  toJSON() {
    throw thrown;
  },
});
const UNSTORABLE: [string, unknown][] = [
  ["a circle", circle],
  ["a BigInt", 1n],
  ["a value that throws an error", throwing(new Error("no"))],
  ["a value that throws an object without a text", throwing(Object.create(null))],
  ["a value that throws undefined", throwing(undefined)],
];

describe("the stored text of a result", () => {
  test("is JSON, and is missing for undefined and for values that JSON leaves out", () => {
    expect(storedResult({ a: [1, "x"] })).toEqual({ text: '{"a":[1,"x"]}' });
    expect(storedResult(null)).toEqual({ text: "null" });
    for (const value of [undefined, () => 1, Symbol("s")]) expect(storedResult(value)).toEqual({});
  });

  test("JsonText is kept byte for byte", () => {
    const text = ' {"n": 12345678901234567890}';
    expect(storedResult(new JsonText(text))).toEqual({ text });
    expect(() => new JsonText("{")).toThrow(expect.objectContaining({ code: "invalid_json" }));
  });

  test("a result over the limit, counted in bytes, is not stored, and the reason is given", () => {
    expect(storedResult("x".repeat(LIMITS.resultBytes - 2)).text).toHaveLength(LIMITS.resultBytes);
    for (const value of ["x".repeat(LIMITS.resultBytes - 1), "é".repeat(LIMITS.resultBytes / 2)]) {
      expect(storedResult(value)).toEqual({
        tooLarge: expect.objectContaining({ code: "payload_too_large" }),
      });
    }
  });

  test.each(UNSTORABLE)("a value without a JSON form is a fatal failure: %s", (_, value) => {
    expect(() => storedResult(value)).toThrow(FatalError);
    expect(() => storedResult(value)).toThrow(/the result has no JSON form/);
  });
});

describe("the stored text of a progress report", () => {
  test("is JSON on one line, up to the limit", () => {
    expect(progressText({ done: 3 })).toBe('{"done":3}');
    expect(progressText(new JsonText('{\n"n": 12345678901234567890\r\n}'))).toBe(
      '{ "n": 12345678901234567890 }',
    );
    expect(progressText("x".repeat(LIMITS.progressBytes - 2))).toHaveLength(LIMITS.progressBytes);
    expect(() => progressText("é".repeat(LIMITS.progressBytes / 2))).toThrow(
      expect.objectContaining({ code: "payload_too_large", message: expect.stringContaining("8194 bytes") }),
    );
  });

  test.each([...UNSTORABLE, ["undefined", undefined], ["a function", () => 1]])(
    "a value without a JSON form is refused: %s",
    (_, value) => {
      expect(() => progressText(value)).toThrow(
        expect.objectContaining({
          code: "invalid_argument",
          message: expect.stringContaining("no JSON form"),
        }),
      );
    },
  );
});

test("a log line is text, whatever was given, and shows where it was cut", () => {
  expect(logText("plain")).toBe("plain");
  expect(logText({ a: 1 })).toBe("{ a: 1 }");
  expect(logText(undefined)).toBe("undefined");
  expect(logText("x".repeat(2_000))).toMatch(/x … \(cut\)$/);
  expect(logText("x".repeat(2_000))).toHaveLength(LIMITS.errorCharacters);
});

test.each(['"\ud800"', '{"\udc00":1}', undefined, 5])(
  "a JsonText of %j is refused, because it could not be kept byte for byte",
  (text) => {
    expect(() => new JsonText(text as string)).toThrow(expect.objectContaining({ code: "invalid_json" }));
  },
);

test("an escaped surrogate is JSON that can be kept", () => {
  expect(new JsonText('"\\ud800"').text).toBe('"\\ud800"');
});
