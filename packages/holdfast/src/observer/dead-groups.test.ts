import { expect, test } from "vitest";
import { taskViewOf } from "../../test/support/views.ts";
import { groupDead } from "./dead-groups.ts";

const dead = (id: string, endedAt: number, lastError: string | null, change: object = {}) =>
  taskViewOf({ id, state: "dead", deadReason: "retries_exhausted", endedAt, lastError, ...change });

const UNTIL = 1_200;

test("errors that differ only in numbers are one group with its first and last time, the largest group first", () => {
  const { groups, ...span } = groupDead(
    [
      dead("other", 900, "Error: another"),
      dead("b", 300, "Error: 2 left\n at y", { diedAgain: true }),
      dead("a", 0, "Error: 1 left\n at x"),
      dead("c", 200, "Error: 33 left"),
    ],
    UNTIL,
  );
  expect(span).toEqual({ scanned: 4, trendFrom: 0, trendTo: UNTIL });
  expect(groups).toEqual([
    {
      signature: "Error: <n> left",
      type: "t",
      reason: "retries_exhausted",
      count: 3,
      diedAgain: 1,
      firstAt: 0,
      lastAt: 300,
      trend: [1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      sampleIds: ["b", "a", "c"],
    },
    {
      signature: "Error: another",
      type: "t",
      reason: "retries_exhausted",
      count: 1,
      diedAgain: 0,
      firstAt: 900,
      lastAt: 900,
      trend: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
      sampleIds: ["other"],
    },
  ]);
});

test("another type or reason makes another group; of groups of equal size the latest comes first", () => {
  const { groups } = groupDead(
    [dead("1", 1, "x"), dead("2", 2, "x", { type: "u" }), dead("3", 3, "x", { deadReason: "fatal" })],
    UNTIL,
  );
  expect(groups.map(({ sampleIds }) => sampleIds)).toEqual([["3"], ["2"], ["1"]]);
});

test("a group without an error shows the reason, and a group has at most five samples", () => {
  const many = Array.from({ length: 12 }, (_, i) =>
    dead(`t${i}`, i, null, { deadReason: "crashes_exhausted" }),
  );
  const [group] = groupDead(many, UNTIL).groups;
  expect(group).toMatchObject({ signature: "crashes_exhausted", count: 12 });
  expect(group?.sampleIds).toHaveLength(5);
  expect(groupDead([], UNTIL)).toEqual({ groups: [], scanned: 0, trendFrom: UNTIL, trendTo: UNTIL });
});
