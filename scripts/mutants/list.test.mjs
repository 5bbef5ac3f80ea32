import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { applyChange, mutants } from "./list.mjs";

const read = (path) => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8");

test.each(mutants)("the change can be made in the code: $name", ({ changes, tests }) => {
  const texts = new Map();
  for (const change of changes) {
    texts.set(change[0], applyChange(texts.get(change[0]) ?? read(change[0]), change));
  }
  expect(texts.size).toBeGreaterThan(0);
  for (const path of tests) expect(read(path)).toContain("test");
});

test("a change whose text occurs nowhere, or twice, is an error", () => {
  expect(() => applyChange("one two", ["f", "three", ""])).toThrow("0 times in f, once was expected");
  expect(() => applyChange("one one", ["f", "one", "two"])).toThrow("2 times in f");
  expect(() => applyChange("one two", ["f", "one", "one"])).toThrow("changes nothing");
});
