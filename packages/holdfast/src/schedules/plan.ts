import type { MissedPolicy, OverlapPolicy } from "@holdfast/contracts";

/**
 * An occurrence that is late by at most this counts as on time, ms. Replacing a janitor, or a failover of Redis, takes
 * a few seconds.
 */
export const ON_TIME_MS = 15_000;

export interface Occurrences {
  /** The due occurrences, oldest first; at least one. */
  due: readonly number[];
  now: number;
  missed: MissedPolicy;
  overlap: OverlapPolicy;
  /** Whether the task of the previous run has not ended yet. */
  previousRuns: boolean;
}

export interface Plan {
  enqueue: number[];
  missed: number[];
  overlapped: number[];
}

/**
 * Decides which of the due occurrences are enqueued. The policy `missed` applies only to those that are more than
 * ON_TIME_MS late: `skip` enqueues none of them, `once` the newest one if no occurrence is on time, and `all` every one.
 * If `overlap` is not `allow`, only the newest of these is enqueued, and only if the task of the previous run has
 * ended.
 */
export function planRuns({ due, now, missed, overlap, previousRuns }: Occurrences): Plan {
  const onTime = due.filter((at) => now - at <= ON_TIME_MS);
  const wanted =
    missed === "all" ? [...due] : missed === "once" && onTime.length === 0 ? due.slice(-1) : onTime;
  // If tasks may not overlap, only the newest occurrence is enqueued.
  const enqueue = overlap === "allow" ? wanted : previousRuns ? [] : wanted.slice(-1);
  return {
    enqueue,
    missed: due.filter((at) => !wanted.includes(at)),
    overlapped: wanted.filter((at) => !enqueue.includes(at)),
  };
}
