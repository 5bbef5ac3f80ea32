import { expect, test } from "vitest";
import { mergeSettings, splitSettings } from "./merge-stats.ts";

const SETTINGS = {
  durability: "memory" as const,
  maxWaiting: 10,
  retentionMs: 1_000,
  retentionCount: 5,
  idempotencyMs: 2_000,
  maxDead: 6,
  maxDeadAgeMs: 3_000,
  maxEvents: 1_001,
};

test("caps are divided among partitions and added up again, but times are not", () => {
  const split = splitSettings(SETTINGS, 4);
  expect(split).toEqual({ ...SETTINGS, maxWaiting: 3, retentionCount: 2, maxDead: 2, maxEvents: 251 });
  expect(mergeSettings([1, 2, 3, 4].map(() => ({ ...SETTINGS, ...split })))).toEqual({
    ...SETTINGS,
    maxWaiting: 12,
    retentionCount: 8,
    maxDead: 8,
    maxEvents: 1_004,
  });
  expect(splitSettings({ retentionMs: 1 }, 4)).toEqual({ retentionMs: 1 });
});

test("one partition without a cap leaves the queue without one", () => {
  expect(mergeSettings([SETTINGS, { ...SETTINGS, maxWaiting: 0 }]).maxWaiting).toBe(0);
  expect(mergeSettings([SETTINGS, { ...SETTINGS, maxDead: 0 }]).maxDead).toBe(0);
});
