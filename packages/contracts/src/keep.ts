/** How long a task is kept after its end. At least one field; without it, the settings of the queue apply. */
export interface Keep {
  /**
   * How long the completed task is kept, ms, 0 to 365 days, instead of `retentionMs` and `retentionCount` of the queue. 0: the
   * next sweep of a janitor removes it, so its result may never be seen.
   */
  completedMs?: number | undefined;
  /**
   * How long the dead letter is kept, ms, 1 to 365 days. Then a janitor drops it for good, as a cap of the queue does; the caps of the
   * queue apply as well.
   */
  deadMs?: number | undefined;
  /**
   * Only so many of the completed tasks of this type that have a `count` are kept, the newest ones, 1 to 10,000. The task that completed last
   * decides. Without `completedMs`, the `retentionMs` that the queue had at the end of the task limits its age.
   */
  count?: number | undefined;
}

/** When the task is removed because of its `keep`, ms since the epoch; null if it has not ended, or if `keep` names no time for that. */
export function keptUntil(keep: Keep | null, state: string, endedAt: number | null): number | null {
  const ms = state === "completed" ? keep?.completedMs : state === "dead" ? keep?.deadMs : undefined;
  return ms === undefined || endedAt === null ? null : endedAt + ms;
}
