import { expect, it } from "vitest";
import { exactSpan, limitChanges, limitText, queueLimitsChanges, shareText } from "./limit-text.ts";

it("writes a time in the largest unit that is exact", () => {
  expect(exactSpan(1_500)).toEqual({ amount: 1_500, unit: "ms" });
  expect(exactSpan(90_000)).toEqual({ amount: 90, unit: "s" });
  expect(exactSpan(7_200_000)).toEqual({ amount: 2, unit: "h" });
  expect(exactSpan(86_400_000)).toEqual({ amount: 1, unit: "d" });
});

it("writes a limit in words, and says if there is none", () => {
  expect(limitText({ concurrency: 3, rate: { limit: 10, periodMs: 60_000 }, weight: 2 })).toBe(
    "3 at one time, 10 per min, evenly spaced, weight 2",
  );
  expect(limitText({ rate: { limit: 1_000, periodMs: 172_800_000, burst: 20 } })).toBe(
    "1,000 per 2 days, 20 at once after a rest",
  );
  expect(limitText({})).toBe("no limit");
});

it("lists all changes, including limits that are removed, and nothing else", () => {
  const before = { concurrency: 3, rate: { limit: 10, periodMs: 60_000, burst: 1 } };
  expect(limitChanges("Each key", before, { concurrency: 5, rate: { limit: 10, periodMs: 60_000 } })).toEqual(
    [{ what: "Each key, at one time", before: "3", after: "5" }],
  );
  expect(limitChanges("Each key", before, { concurrency: 3, weight: 0.5 })).toEqual([
    { what: "Each key, rate", before: "10 per min, evenly spaced", after: "no limit" },
    { what: "Each key, weight", before: "1", after: "0.5" },
  ]);
  expect(limitChanges("Each key", undefined, {})).toEqual([]);
});

it("lists the changes of policies and fairness, and treats a default value as no value", () => {
  const before = { key: { concurrency: 1, ordered: true, onDead: "continue", whenFull: "wait" } } as const;
  expect(queueLimitsChanges(before, { key: { concurrency: 1, ordered: true }, fairBy: "starts" })).toEqual(
    [],
  );
  expect(queueLimitsChanges(before, { queue: { concurrency: 2 } })).toEqual([
    { what: "All tasks, at one time", before: "no limit", after: "2" },
    { what: "Each key, at one time", before: "1", after: "no limit" },
    {
      what: "Each key, order",
      before: "strict, continues after a dead letter",
      after: "a retry lets others go first",
    },
  ]);
});

it("says that a limit was not divided yet, and that a share is zero", () => {
  const shared = { name: "db", limit: { concurrency: 9 }, queues: ["a", "b"], shares: {} };
  expect(shareText(shared, "a")).toBeNull();
  expect(shareText({ ...shared, shares: { a: { concurrency: 0 } } }, "a")).toBe("0 at one time");
});
