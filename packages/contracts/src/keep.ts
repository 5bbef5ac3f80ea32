/**
 * How long a task is kept after its end. At least one field is needed. For a field that is left out, the settings of
 * the queue apply.
 */
export interface Keep {
  /**
   * How long the completed task is kept, ms, 0 to 365 days. This replaces `retentionMs` and `retentionCount` of the
   * queue. With 0 the next sweep of a janitor removes the task, perhaps before anybody reads its result.
   */
  completedMs?: number | undefined;
  /**
   * How long the dead letter is kept, ms, 1 to 365 days. After that a janitor drops it, and it cannot be replayed. The
   * limits of the queue on its dead letters apply as well, so it may be dropped sooner.
   */
  deadMs?: number | undefined;
  /**
   * How many of the completed tasks of this type are kept, the newest ones, 1 to 10,000. Only tasks with a `count` are
   * counted. If their numbers differ, that of the task which completed last holds. Without `completedMs`, such a task
   * is kept for the `retentionMs` that the queue had when it completed.
   */
  count?: number | undefined;
}

/**
 * Returns when a task is removed because of its `keep`, ms since the epoch; null if the task has not ended, or if its
 * `keep` has no time for the way it ended.
 */
export function keptUntil(keep: Keep | null, state: string, endedAt: number | null): number | null {
  const ms = state === "completed" ? keep?.completedMs : state === "dead" ? keep?.deadMs : undefined;
  return ms === undefined || endedAt === null ? null : endedAt + ms;
}
