import type { QueueStats, WorkerView } from "@holdfast/contracts";
import type { Sort } from "../search.ts";

/** Returns the workers that currently acquire tasks of a queue. */
export function workersOf(queue: string, workers: readonly WorkerView[]): WorkerView[] {
  return workers.filter((worker) => worker.state === "running" && worker.queues.includes(queue));
}

/** Returns the queues with waiting tasks but no workers. In paused queues, tasks wait on purpose. */
export function waitingWithoutWorkers(
  queues: readonly QueueStats[],
  workers: readonly WorkerView[] | null,
): QueueStats[] {
  if (workers === null) return [];
  return queues.filter(
    (stats) => stats.pending > 0 && !stats.paused && workersOf(stats.queue, workers).length === 0,
  );
}

/**
 * Returns the queues that need attention: those with dead letters, and those with waiting tasks and no worker. A
 * paused queue is left out, because somebody has stopped it on purpose.
 */
export function troubledQueues(
  queues: readonly QueueStats[],
  workers: readonly WorkerView[] | null,
): QueueStats[] {
  const unworked = new Set(waitingWithoutWorkers(queues, workers));
  return queues.filter((stats) => !stats.paused && (stats.dead > 0 || unworked.has(stats)));
}

/** From this age on, ms, a waiting task is shown as a warning, and from the next one on as an alarm. */
const AGE_WARN_MS = 30_000;
const AGE_ALARM_MS = 300_000;

export function ageTone(ageMs: number): "none" | "warn" | "dead" {
  if (ageMs >= AGE_ALARM_MS) return "dead";
  return ageMs >= AGE_WARN_MS ? "warn" : "none";
}

/**
 * Sorts queues. The order `worst` puts queues that need attention first, and among these the queues without workers.
 * After that it compares ages, dead letters and the numbers of waiting tasks.
 */
export function sortQueues(
  queues: readonly QueueStats[],
  workers: readonly WorkerView[] | null,
  sort: Sort,
  failureShare: (queue: string) => number | null = () => null,
): QueueStats[] {
  const unworked = new Set(waitingWithoutWorkers(queues, workers));
  const troubled = new Set(troubledQueues(queues, workers));
  const worst = (stats: QueueStats): number[] => [
    troubled.has(stats) ? 1 : 0,
    unworked.has(stats) ? 1 : 0,
    // Ages with the same colour count as equal, so that rows do not change places with each update.
    stats.paused ? 0 : { dead: 2, warn: 1, none: 0 }[ageTone(stats.oldestPendingAgeMs)],
    stats.dead,
    stats.pending,
  ];
  const keys: Record<Sort, (stats: QueueStats) => number[]> = {
    worst,
    name: () => [],
    age: (stats) => [stats.oldestPendingAgeMs],
    pending: (stats) => [stats.pending],
    processing: (stats) => [stats.processing],
    failures: (stats) => [failureShare(stats.queue) ?? 0],
    dead: (stats) => [stats.dead],
  };
  const key = keys[sort];
  return [...queues].sort((a, b) => {
    const left = key(a);
    const right = key(b);
    for (const [index, value] of left.entries()) {
      const difference = (right[index] ?? 0) - value;
      if (difference !== 0) return difference;
    }
    return a.queue.localeCompare(b.queue);
  });
}
