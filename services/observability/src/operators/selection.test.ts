import { expect, test } from "vitest";
import { assertPatch, inBatches, selectionOf } from "./selection.ts";

test("exactly one of ids, filter, all is a selection", () => {
  expect(selectionOf({ ids: ["a"] })).toEqual({ ids: ["a"] });
  expect(selectionOf({ filter: { type: "t" } })).toEqual({ filter: { type: "t" } });
  expect(selectionOf({ all: true })).toEqual({ filter: {} });
  for (const body of [
    {},
    { ids: ["a"], all: true as const },
    { filter: { type: "t" }, all: true as const },
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

test("ids go in slices of 500, each once and in order", async () => {
  const ids = Array.from({ length: 1_200 }, (_, index) => String(index));
  const slices: string[][] = [];
  await inBatches(ids, { signal: new AbortController().signal }, async (slice) => void slices.push(slice));
  expect(slices.map(({ length }) => length)).toEqual([500, 500, 200]);
  expect(slices.flat()).toEqual(ids);
});

test("a rate spreads the ids over time", async () => {
  const begin = performance.now();
  const slices: number[] = [];
  const ids = Array.from({ length: 20 }, (_, index) => String(index));
  await inBatches(ids, { ratePerSecond: 40, signal: new AbortController().signal }, async ({ length }) => {
    slices.push(length);
  });
  expect(slices).toEqual([10, 10]);
  expect(performance.now() - begin).toBeGreaterThan(240);
});

test("an abort ends it between two slices", async () => {
  const abort = new AbortController();
  let calls = 0;
  await inBatches(["a", "b", "c"], { ratePerSecond: 1, signal: abort.signal }, async () => {
    calls += 1;
    abort.abort();
  });
  expect(calls).toBe(1);
});
