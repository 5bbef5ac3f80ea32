import { expect, it } from "vitest";
import { indentJsonText } from "./json-text.ts";

it("keeps every digit of a number that a double cannot hold", () => {
  expect(indentJsonText('{"n":12345678901234567890,"e":1.0e+2}')).toBe(
    '{\n  "n": 12345678901234567890,\n  "e": 1.0e+2\n}',
  );
});

it("leaves braces, commas and escapes inside strings alone", () => {
  expect(indentJsonText('["a{,}:\\"b\\\\"]')).toBe('[\n  "a{,}:\\"b\\\\"\n]');
});

it("keeps empty arrays and objects on one line, and accepts text that is not JSON", () => {
  expect(indentJsonText('{"a":[],"b":{ }}')).toBe('{\n  "a": [],\n  "b": {}\n}');
  expect(indentJsonText('"open')).toBe('"open');
  expect(indentJsonText("}}}")).toBe("\n}\n}\n}");
});
