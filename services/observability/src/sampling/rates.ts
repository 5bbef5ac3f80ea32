import type { QueueRates } from "@holdfast/contracts/api";
import type { QueueStats } from "holdfast";

export type CountRates = Omit<QueueRates, "drainSeconds">;

const NONE: CountRates = {
  enqueuedPerSecond: 0,
  attemptsPerSecond: 0,
  completedPerSecond: 0,
  failedPerSecond: 0,
  retriedPerSecond: 0,
  deadLetteredPerSecond: 0,
};

/** What happened per second between two looks at a queue, out of its growing totals and the clock of Redis. */
export function ratesBetween(before: QueueStats, after: QueueStats): CountRates {
  const seconds = (after.at - before.at) / 1_000;
  if (seconds <= 0) return NONE;
  // A queue that was deleted and made again starts at zero: no rate is better than a negative one.
  const rate = (earlier: number, later: number) =>
    Math.round((Math.max(0, later - earlier) / seconds) * 10) / 10;
  return {
    enqueuedPerSecond: rate(before.totals.enqueued, after.totals.enqueued),
    attemptsPerSecond: rate(before.totals.attempts, after.totals.attempts),
    completedPerSecond: rate(before.totals.acked, after.totals.acked),
    failedPerSecond: rate(before.totals.failed, after.totals.failed),
    retriedPerSecond: rate(before.totals.retried, after.totals.retried),
    deadLetteredPerSecond: rate(before.totals.deadLettered, after.totals.deadLettered),
  };
}

/** Seconds until nothing is pending at the present rates; null while the queue does not shrink. */
export function drainSeconds(pending: number, rates: CountRates): number | null {
  if (pending === 0) return 0;
  const shrink = rates.completedPerSecond - rates.enqueuedPerSecond;
  return shrink > 0 ? Math.round((pending / shrink) * 10) / 10 : null;
}
