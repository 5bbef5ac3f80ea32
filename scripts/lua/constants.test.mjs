import { expect, test } from "vitest";
import { placeConstants } from "./constants.mjs";
import { print } from "./print.mjs";
import { parse } from "./tree.mjs";

const keys = new Map([
  ["stateKey", "KEYS[2]"],
  ["slot", "ARGV[1]"],
]);

function placed(...lines) {
  const tree = parse(lines.join("\n"));
  placeConstants(tree, keys);
  return print(tree).trimEnd().split("\n");
}

test("constants, keys and arguments are put in place", () => {
  expect(
    placed(
      "local FIRST, SECOND = 1, 'two'",
      "local LIMIT = 0x10",
      "local function f()",
      "  return redis.call('HGET', stateKey, slot), FIRST, SECOND, LIMIT",
      "end",
    ),
  ).toEqual(["local function f()", "return redis.call('HGET', KEYS[2], ARGV[1]), 1, 'two', 0x10", "end"]);
});

test("constants of a block are put in place too", () => {
  expect(placed("if slot then", "local LIMIT = 3", "f(LIMIT)", "end")).toEqual([
    "if ARGV[1] then",
    "f(3)",
    "end",
  ]);
});

test("the byte of a letter becomes a number", () => {
  expect(placed("return string.byte('a')")).toEqual(["return 97"]);
});

test("fields and strings with the name of a constant stay", () => {
  expect(placed("local t = { slot = slot, LIMIT = 1 }", "return t.slot, t.LIMIT, 'stateKey slot'")).toEqual([
    "local t = { slot = ARGV[1], LIMIT = 1 }",
    "return t.slot, t.LIMIT, 'stateKey slot'",
  ]);
});

test("a computed value stays a local, and so does a literal whose name is not in capitals", () => {
  expect(placed("local FORMAT = '>' .. slot", "local limit = 5", "return FORMAT, limit")).toEqual([
    "local FORMAT = '>' .. ARGV[1]",
    "local limit = 5",
    "return FORMAT, limit",
  ]);
});

test("a local variable hides a constant, a key and an argument of the same name", () => {
  expect(
    placed(
      "local LIMIT = 1",
      "local function f(slot, LIMIT)",
      "local stateKey = 2",
      "return slot, LIMIT, stateKey",
      "end",
    ),
  ).toEqual(["local function f(slot, LIMIT)", "local stateKey = 2", "return slot, LIMIT, stateKey", "end"]);
});
