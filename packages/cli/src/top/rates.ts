import type { QueueStats } from "holdfast";

/** Events per second since the last reading; null for the first one. */
export interface Rates {
  enqueued: number;
  acked: number;
  failed: number;
  deadLettered: number;
}

/** Turns totals into rates per second. Each total comes with the Redis time at which it was read. */
export class RateWatch {
  #before = new Map<string, QueueStats>();

  next(snapshot: readonly QueueStats[]): Map<string, Rates | null> {
    const rates = new Map<string, Rates | null>();
    for (const stats of snapshot) rates.set(stats.queue, between(this.#before.get(stats.queue), stats));
    this.#before = new Map(snapshot.map((stats) => [stats.queue, stats]));
    return rates;
  }
}

function between(before: QueueStats | undefined, now: QueueStats): Rates | null {
  const seconds = before === undefined ? 0 : (now.at - before.at) / 1_000;
  if (before === undefined || seconds <= 0) return null;
  // If a queue was deleted and created again, its totals start at zero and the difference is negative. The rate is
  // then 0.
  const rate = (name: keyof QueueStats["totals"]) =>
    Math.max(0, now.totals[name] - before.totals[name]) / seconds;
  return {
    enqueued: rate("enqueued"),
    acked: rate("acked"),
    failed: rate("failed"),
    deadLettered: rate("deadLettered"),
  };
}
