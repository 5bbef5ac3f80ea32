import { expect, test } from "vitest";
import { type DeadLetterGroup, mergeGroups } from "../observer/dead-groups.ts";
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

test("groups of the same failure are merged, and other groups are not", () => {
  const group = {
    type: "t",
    reason: "fatal" as const,
    signature: "s",
    count: 2,
    diedAgain: 1,
    firstAt: 5,
    lastAt: 9,
    trend: [1, 1],
  };
  const part = (groups: DeadLetterGroup[]) => ({ groups, scanned: 2, total: 3, trendFrom: 1, trendTo: 9 });
  const merged = mergeGroups([
    part([
      { ...group, sampleIds: ["a", "b"] },
      { ...group, signature: "other", count: 3, sampleIds: ["c"] },
    ]),
    part([{ ...group, firstAt: 1, lastAt: 7, sampleIds: ["d"] }]),
  ]);
  expect(merged).toMatchObject({ scanned: 4, total: 6 });
  expect(
    merged.groups.map(({ signature, count, firstAt, lastAt, sampleIds }) => [
      signature,
      count,
      firstAt,
      lastAt,
      sampleIds,
    ]),
  ).toEqual([
    ["s", 4, 1, 9, ["a", "b", "d"]],
    ["other", 3, 5, 9, ["c"]],
  ]);
});
