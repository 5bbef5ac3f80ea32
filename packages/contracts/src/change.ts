import type { Priority, TaskState } from "./states.ts";

/** The new values for a waiting task. At least one has to be given. */
export interface TaskChange {
  /**
   * The new time at which the task is due, ms since the epoch, by the clock of Redis. If it is in the past, the task
   * becomes pending at once. Cannot be combined with `delayMs`.
   */
  runAt?: number | undefined;
  /**
   * The new delay until the task is due, by the clock of Redis. Milliseconds, 0 (at once) to 365 days. Cannot be
   * combined with `runAt`.
   */
  delayMs?: number | undefined;
  /** The new priority. */
  priority?: Priority | undefined;
  /**
   * The new key of the task; null removes the key. In a queue with partitions, the key has to belong to the partition
   * that the task is in.
   */
  key?: string | null | undefined;
  /** The new payload: any JSON value. Only for a change of exactly one task. Cannot be combined with `payloadText`. */
  payload?: unknown;
  /** The new payload as exact JSON text, stored byte for byte. It is not checked. Cannot be combined with `payload`. */
  payloadText?: string | undefined;
}

/** The values that can be changed for many tasks at once. */
export type BulkChange = Pick<TaskChange, "runAt" | "delayMs" | "priority">;

/**
 * changed. unchanged: the task had these values already. not_waiting: the task runs, has ended, or waits for other
 * nodes of its flow. not_found. unique_conflict: the task waits for the end of the task that holds its unique key, so
 * its time cannot be changed. key_full: the new key has as many tasks as its limits allow.
 */
export const CHANGE_OUTCOMES = [
  "changed",
  "unchanged",
  "not_waiting",
  "not_found",
  "unique_conflict",
  "key_full",
] as const;

/** What a change did to one task. Only `changed` and `unchanged` mean that the task has the new values. */
export type ChangeOutcome = (typeof CHANGE_OUTCOMES)[number];

/** The outcome of a change for one task. */
export interface ChangeResult {
  /** The id of the task. */
  id: string;
  /** Whether the task was changed, or why not. */
  outcome: ChangeOutcome;
  /** The state of the task after the call; missing if it is not known (`not_found`, `key_full`). */
  state?: TaskState | undefined;
  /** Only with `unique_conflict`: the id of the task that holds the unique key. */
  heldBy?: string | undefined;
}

export const CHANGED_FIELDS = ["runAt", "priority", "key", "payload"] as const;

/** A field of a waiting task that was changed. */
export type ChangedField = (typeof CHANGED_FIELDS)[number];

/**
 * A summary of all changes of a task while it waited. Times are milliseconds since the epoch, by the clock of Redis.
 */
export interface ChangesView {
  /** How many changes there were. */
  count: number;
  /** When the task was first changed. */
  firstAt: number;
  /** When the task was last changed. */
  lastAt: number;
  /** The instance of the library that made the last change. The audit log has the person. */
  by: string;
  /** The fields that were changed. */
  fields: ChangedField[];
}
