import { monotonicMs } from "./lease-table.ts";
import type { QueueRunner } from "./queue-runner.ts";
import type { Slots } from "./slots.ts";

/**
 * How long ago Redis last answered, for the queue that has waited longest, ms. While a slot is free, every queue polls,
 * so the number stays small. While no slot is free, it is 0. A queue that drains does not count.
 */
export function oldestAnswerAgeMs(runners: readonly QueueRunner[], slots: Slots): number {
  slots.look();
  if (!slots.hasFree) return 0;
  const since = runners
    .filter(({ drains }) => !drains)
    .map(({ answeredMs }) => Math.max(answeredMs, slots.takenAtMs));
  return since.length === 0 ? 0 : Math.max(0, monotonicMs() - Math.min(...since));
}

/** How long a queue has neither called Redis nor slept with a reason, ms. More than 0 means a bug in the worker. */
export function stalledMs(runners: readonly QueueRunner[], slots: Slots): number {
  const ageMs = oldestAnswerAgeMs(
    runners.filter(({ trips }) => trips.inFlight === 0),
    slots,
  );
  return Math.max(0, ageMs - Math.max(...runners.map(({ pollMs }) => pollMs)));
}
