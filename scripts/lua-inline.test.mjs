import { expect, test } from "vitest";
import { inlineConstants } from "./lua-inline.mjs";

const keys = new Map([
  ["stateKey", "KEYS[2]"],
  ["slot", "ARGV[1]"],
]);

test("constants, keys and arguments are inlined", () => {
  const text = [
    "local FIRST, SECOND = 1, 'two'",
    "local LIMIT = 0x10",
    "local function f()",
    "  return redis.call('HGET', stateKey, slot), FIRST, SECOND, LIMIT",
    "end",
  ].join("\n");
  expect(inlineConstants(text, keys).trim()).toBe(
    ["local function f()", "  return redis.call('HGET', KEYS[2], ARGV[1]), 1, 'two', 0x10", "end"].join("\n"),
  );
});

test("constants of an if block are inlined too", () => {
  const text = "if slot then\nlocal LIMIT = 3\nlocal function f()\n  return LIMIT\nend\nf()\nend";
  expect(inlineConstants(text, keys)).toBe(
    "if ARGV[1] then\n\nlocal function f()\n  return 3\nend\nf()\nend",
  );
});

test("fields and strings with the name of a constant stay", () => {
  const text = "local t = { slot = slot, LIMIT = 1 }\nreturn t.slot, t.LIMIT, 'stateKey slot'";
  expect(inlineConstants(text, keys)).toBe(
    "local t = { slot = ARGV[1], LIMIT = 1 }\nreturn t.slot, t.LIMIT, 'stateKey slot'",
  );
});

test("a computed value stays a local, and so does a literal whose name is not in capitals", () => {
  const text = "local FORMAT = '>' .. slot\nlocal limit = 5\nreturn FORMAT, limit";
  expect(inlineConstants(text, keys)).toBe(
    "local FORMAT = '>' .. ARGV[1]\nlocal limit = 5\nreturn FORMAT, limit",
  );
});

test("an argument whose name is declared again stays a local, so that the inner variable hides it", () => {
  const text = "local function f(slot)\n  return slot\nend\nreturn f(1), slot";
  expect(inlineConstants(text, keys)).toBe(`local slot = ARGV[1]\n${text}`);
});

test.each([
  ["a key", "local function f(stateKey)\n  return stateKey\nend", /stateKey is declared twice/],
  ["a constant", "local LIMIT = 5\nfor LIMIT = 1, 2 do\n  f(LIMIT)\nend", /LIMIT is declared twice/],
])("%s whose name is declared twice is refused", (_, text, message) => {
  expect(() => inlineConstants(text, keys)).toThrow(message);
});
