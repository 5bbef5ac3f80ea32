import type { TypeBucket } from "holdfast/operate";
import { expect, test } from "vitest";
import { BOUNDS_MS, typesView } from "./types-view.ts";

const bucket = (at: number, type: string, ended: number, row: number): TypeBucket => ({
  ...{ at, spanMs: 300_000 },
  types: new Map([[type, { ended, failed: 1, wait: new Map(), run: new Map([[row, ended]]) }]]),
});

test("adds up each type, most attempts first, and gives the heat map of one", () => {
  const buckets = [bucket(300_000, "a", 3, 8), bucket(600_000, "b", 9, 0), bucket(900_000, "a", 1, 95)];
  const { types, heat } = typesView(buckets, "a");
  expect(types.map(({ type, ended, failed }) => [type, ended, failed])).toEqual([
    ["b", 9, 1],
    ["a", 4, 2],
  ]);
  expect(types[1]?.runP50Ms).toBeLessThan(1);
  expect(types[1]?.waitP50Ms).toBe(null);
  expect(heat.map(({ at }) => at)).toEqual([300_000, 600_000, 900_000]);
  // Histogram bucket 8 contains run times of at most 1 ms, which is the bound of its row.
  expect(heat[0]?.run.indexOf(3)).toBe(BOUNDS_MS.indexOf(1));
  expect(heat[1]?.run.every((count) => count === 0)).toBe(true);
  expect(heat[2]?.run.at(-1)).toBe(1);
  expect(typesView(buckets, undefined).heat).toEqual([]);
});

test("a heat map of a day has at most 100 columns, and loses no attempt", () => {
  const day = Array.from({ length: 288 }, (_, n) => bucket((n + 1) * 300_000, "a", 2, 4));
  const { heat } = typesView(day, "a");
  expect(heat).toHaveLength(96);
  expect(heat.reduce((sum, { run }) => sum + (run[1] ?? 0), 0)).toBe(576);
  expect(heat.at(-1)?.at).toBe(288 * 300_000);
});
