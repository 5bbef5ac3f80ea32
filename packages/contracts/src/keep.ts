/**
 * How long a task is kept after it has ended. At least one field has to be given; for the others, the settings of the
 * queue apply.
 */
export interface Keep {
  /**
   * How long the completed task is kept, ms, 0 to 365 days. Replaces `retentionMs` and `retentionCount` of the queue.
   * With 0, a janitor removes the task at its next sweep, perhaps before anybody reads the result.
   */
  completedMs?: number | undefined;
  /**
   * How long the dead letter is kept, ms, 1 to 365 days. Then a janitor removes it, and it cannot be replayed. The
   * limits of the queue for dead letters apply as well, so it may be removed sooner.
   */
  deadMs?: number | undefined;
  /**
   * How many completed tasks of this type are kept (the newest ones), 1 to 10,000. Only tasks with a `count` are
   * counted. If their counts differ, that of the task that completed last is used. Without `completedMs`, the
   * `retentionMs` of the queue at the time of its completion limits how long the task is kept.
   */
  count?: number | undefined;
}

/**
 * Returns when `keep` ends for a task, ms since the epoch; null if the task has not ended, or if its `keep` has no time
 * for this state.
 */
export function keptUntil(keep: Keep | null, state: string, endedAt: number | null): number | null {
  const ms = state === "completed" ? keep?.completedMs : state === "dead" ? keep?.deadMs : undefined;
  return ms === undefined || endedAt === null ? null : endedAt + ms;
}
