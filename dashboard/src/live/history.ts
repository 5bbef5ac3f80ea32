import type { QueueStats } from "@holdfast/contracts";

/** The figures of one queue at one moment, kept for the charts. */
export interface Sample {
  at: number;
  pending: number;
  processing: number;
  scheduled: number;
  dead: number;
  enqueued: number;
  acked: number;
  failed: number;
  crashed: number;
}

/** Tasks or attempts per second. */
export interface Rates {
  enqueued: number;
  completed: number;
  failed: number;
}

/** This is enough for two samples per second over 15 minutes. */
const MOST_SAMPLES = 1_800;
const FAILURE_WINDOW_MS = 60_000;

export function toSample(stats: QueueStats): Sample {
  return {
    at: stats.at,
    pending: stats.pending,
    processing: stats.processing,
    scheduled: stats.scheduled,
    dead: stats.dead,
    enqueued: stats.totals.enqueued,
    acked: stats.totals.acked,
    failed: stats.totals.failed,
    crashed: stats.totals.crashed,
  };
}

/** Adds a sample, unless it is older than the last one: a poll can be answered after a newer message. */
export function append(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last !== undefined && sample.at <= last.at) return samples;
  const next = [...samples, sample];
  return next.length > MOST_SAMPLES ? next.slice(-MOST_SAMPLES) : next;
}

/** Computes rates from counters that only grow. The number of completed tasks may shrink, because of retention. */
export function between(first: Sample, last: Sample): Rates {
  const seconds = (last.at - first.at) / 1_000;
  if (seconds <= 0) return { enqueued: 0, completed: 0, failed: 0 };
  // If a counter falls, its queue was deleted and created again. The rate is 0 then, and not negative.
  const per = (a: number, b: number) => Math.max(0, b - a) / seconds;
  return {
    enqueued: per(first.enqueued, last.enqueued),
    completed: per(first.acked, last.acked),
    failed: per(first.failed + first.crashed, last.failed + last.crashed),
  };
}

/** Returns the share of attempts that failed or crashed in the last minute, 0 to 1, or null if no attempt ended. */
export function failureShareOf(samples: readonly Sample[]): number | null {
  const last = samples.at(-1);
  const first = last && samples.find((sample) => sample.at >= last.at - FAILURE_WINDOW_MS);
  if (last === undefined || first === undefined) return null;
  const bad = last.failed + last.crashed - first.failed - first.crashed;
  const good = last.acked - first.acked;
  return bad < 0 || good < 0 || bad + good === 0 ? null : bad / (bad + good);
}
