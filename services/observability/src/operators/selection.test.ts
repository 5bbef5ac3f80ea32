import { expect, test } from "vitest";
import { assertPatch, selectionOf } from "./selection.ts";

test("a selection has exactly one of ids, filter, query and all", () => {
  expect(selectionOf({ ids: ["a"] })).toEqual({ ids: ["a"] });
  expect(selectionOf({ filter: { type: "t" } })).toEqual({ filter: { type: "t" } });
  expect(selectionOf({ query: "type:t" })).toEqual({ filter: { query: "type:t" } });
  expect(selectionOf({ all: true })).toEqual({ filter: {} });
  for (const body of [
    {},
    { ids: ["a"], all: true as const },
    { filter: { type: "t" }, all: true as const },
    { query: "type:t", ids: ["a"] },
  ]) {
    expect(() => selectionOf(body)).toThrow("exactly one");
  }
});

test("a patch needs exactly one id and a payload within the limit", () => {
  const patch = { payloadText: "1" };
  expect(() => assertPatch({ ids: ["a"], patch })).not.toThrow();
  expect(() => assertPatch({ ids: ["a", "b"], patch })).toThrow("exactly one id");
  expect(() => assertPatch({ all: true, patch })).toThrow("exactly one id");
  expect(() => assertPatch({ ids: ["a"], patch: { payloadText: "é".repeat(131_073) } })).toThrow(
    expect.objectContaining({ code: "payload_too_large" }),
  );
});
