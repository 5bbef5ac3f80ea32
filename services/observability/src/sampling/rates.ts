import type { QueueRates } from "@holdfast/contracts/api";
import type { QueueStats, QueueTotals } from "holdfast";

export type CountRates = Omit<QueueRates, "drainSeconds">;

const NONE: CountRates = {
  enqueuedPerSecond: 0,
  attemptsPerSecond: 0,
  completedPerSecond: 0,
  failedPerSecond: 0,
  retriedPerSecond: 0,
  deadLetteredPerSecond: 0,
};

/** Returns the rates per second between two samples of a queue, from its totals and the Redis time of each sample. */
export function ratesBetween(before: QueueStats, after: QueueStats): CountRates {
  const seconds = (after.at - before.at) / 1_000;
  if (seconds <= 0) return NONE;
  const rate = (name: keyof QueueTotals) => perSecond(before.totals[name], after.totals[name], seconds);
  return {
    enqueuedPerSecond: rate("enqueued"),
    attemptsPerSecond: rate("attempts"),
    completedPerSecond: rate("acked"),
    failedPerSecond: rate("failed"),
    retriedPerSecond: rate("retried"),
    deadLetteredPerSecond: rate("deadLettered"),
  };
}

/** Like `ratesBetween`, but also with the rates of other outcomes, for a point of the series. */
export function pointRatesBetween(before: QueueStats, after: QueueStats) {
  const seconds = Math.max(1, after.at - before.at) / 1_000;
  const rate = (name: keyof QueueTotals) => perSecond(before.totals[name], after.totals[name], seconds);
  return {
    ...ratesBetween(before, after),
    crashedPerSecond: rate("crashed"),
    releasedPerSecond: rate("released"),
    cancelledPerSecond: rate("cancelled"),
    expiredPerSecond: rate("expired"),
  };
}

/** If a queue was deleted and created again, its totals start at zero. The rate is then 0 and not negative. */
function perSecond(earlier: number, later: number, seconds: number): number {
  return Math.round((Math.max(0, later - earlier) / seconds) * 10) / 10;
}

/** Returns the seconds until no task is pending if the rates stay the same, or null if the queue does not shrink. */
export function drainSeconds(pending: number, rates: CountRates): number | null {
  if (pending === 0) return 0;
  const shrink = rates.completedPerSecond - rates.enqueuedPerSecond;
  return shrink > 0 ? Math.round((pending / shrink) * 10) / 10 : null;
}
