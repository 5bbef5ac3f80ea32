import type { AttemptView, TaskView } from "@holdfast/contracts";

export type TimelineEntry =
  | { kind: "enqueued"; at: number }
  /** Older attempts were dropped from the history. */
  | { kind: "missing" }
  /** `at` is null where the version that replayed it did not keep the moment. */
  | { kind: "replayed"; generation: number; at: number | null }
  | {
      kind: "attempt";
      attempt: AttemptView;
      /** The wait before it and its cause; null if it is not known when the wait began. */
      wait: { ms: number; what: "waited" | "backoff and wait" | "waited since the replay" } | null;
      /** So far, where it still runs. */
      runMs: number;
    };

/** The life of a task in order. Each wait is counted from what began it: the enqueue, the attempt before, or the replay. */
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
    // Replays before the first attempt that is kept are as gone as the attempts before them.
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
