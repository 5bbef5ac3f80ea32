import type { AttemptView, TaskView } from "@holdfast/contracts";

export type TimelineEntry =
  | { kind: "enqueued"; at: number }
  /** Stands for older attempts that are no longer in the history. */
  | { kind: "missing" }
  /** The time `at` of a replay is null if it is unknown. */
  | { kind: "replayed"; generation: number; at: number | null }
  | {
      kind: "attempt";
      attempt: AttemptView;
      /** The wait before the attempt and its cause; null if nobody knows when the wait began. */
      wait: { ms: number; what: "waited" | "backoff and wait" | "waited since the replay" } | null;
      /** The run time of the attempt, ms. If the attempt still runs, the time until now. */
      runMs: number;
    };

/**
 * Lists the events in the life of a task, in order. Each wait begins with its cause: the enqueue, the previous
 * attempt, or a replay.
 */
export function timelineOf(task: TaskView, now: number): TimelineEntry[] {
  const entries: TimelineEntry[] = [{ kind: "enqueued", at: task.enqueuedAt }];
  let generation = 0;
  let since: { at: number; what: "waited" | "backoff and wait" | "waited since the replay" } | null = {
    at: task.enqueuedAt,
    what: "waited",
  };
  const replayInto = (next: number) => {
    while (generation < next) {
      generation += 1;
      const at = task.replays.find((replay) => replay.generation === generation)?.at ?? null;
      entries.push({ kind: "replayed", generation, at });
      since = at === null ? null : { at, what: "waited since the replay" };
    }
  };
  const [first] = task.history;
  if (first !== undefined && (first.generation > 0 || first.attempt > 1)) {
    entries.push({ kind: "missing" });
    since = null;
    // Replays before the first stored attempt are not listed, because their attempts were removed from the history.
    generation = Math.max(0, first.generation - 1);
  }
  for (const attempt of task.history) {
    replayInto(attempt.generation);
    entries.push({
      kind: "attempt",
      attempt,
      wait: since === null ? null : { ms: attempt.startedAt - since.at, what: since.what },
      runMs: (attempt.endedAt ?? now) - attempt.startedAt,
    });
    since =
      attempt.endedAt === null
        ? null
        : { at: attempt.endedAt, what: attempt.outcome === "failed" ? "backoff and wait" : "waited" };
  }
  replayInto(task.generation);
  return entries;
}
