import { expect, test } from "vitest";
import { statsOf } from "../../test/fakes.ts";
import { drainSeconds, ratesBetween } from "./rates.ts";

test("rates are differences of totals over the time of Redis", () => {
  const before = statsOf("q", { at: 10_000, totals: { enqueued: 100, acked: 40 } });
  const after = statsOf("q", { at: 12_000, totals: { enqueued: 300, acked: 50, deadLettered: 1 } });
  expect(ratesBetween(before, after)).toMatchObject({
    enqueuedPerSecond: 100,
    completedPerSecond: 5,
    deadLetteredPerSecond: 0.5,
    retriedPerSecond: 0,
  });
});

test("a queue that was deleted and created again has no negative rates", () => {
  const before = statsOf("q", { at: 10_000, totals: { enqueued: 100 } });
  const after = statsOf("q", { at: 11_000, totals: { enqueued: 5 } });
  expect(ratesBetween(before, after).enqueuedPerSecond).toBe(0);
});

test("two samples of the same moment give no rate", () => {
  const before = statsOf("q", { totals: { enqueued: 1 } });
  expect(ratesBetween(before, statsOf("q", { totals: { enqueued: 9 } })).enqueuedPerSecond).toBe(0);
});

test.each([
  { pending: 0, completed: 0, enqueued: 0, seconds: 0 },
  { pending: 100, completed: 30, enqueued: 10, seconds: 5 },
  { pending: 100, completed: 10, enqueued: 10, seconds: null },
  { pending: 100, completed: 5, enqueued: 10, seconds: null },
])(
  "with $completed tasks out and $enqueued in per second, $pending pending tasks drain in $seconds s",
  (row) => {
    const rates = ratesBetween(
      statsOf("q", { at: 0 }),
      statsOf("q", { at: 1_000, totals: { acked: row.completed, enqueued: row.enqueued } }),
    );
    expect(drainSeconds(row.pending, rates)).toBe(row.seconds);
  },
);
