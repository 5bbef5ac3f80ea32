import type { Priority, TaskState } from "./states.ts";

/** The new values of a task that waits. At least one has to be given. */
export interface TaskChange {
  /**
   * When the task is due, ms since the epoch, Redis time. If that time has passed, the task is pending at once.
   * Cannot be combined with `delayMs`.
   */
  runAt?: number | undefined;
  /**
   * The delay until the task is due, by the clock of Redis: milliseconds, 0 to 365 days. 0: at once. Cannot be combined
   * with `runAt`.
   */
  delayMs?: number | undefined;
  /** The new band. */
  priority?: Priority | undefined;
  /**
   * The key in whose line the task waits; null for none. In a queue with partitions only a key of its own partition.
   */
  key?: string | null | undefined;
  /** Any JSON value. Only for exactly one task. Cannot be combined with `payloadText`. */
  payload?: unknown;
  /**
   * The exact JSON text of the payload, kept byte for byte. The caller vouches that it is JSON. Cannot be combined with
   * `payload`.
   */
  payloadText?: string | undefined;
}

/** The new values that many tasks can get together. */
export type BulkChange = Pick<TaskChange, "runAt" | "delayMs" | "priority">;

/**
 * changed; unchanged: the task had these values already; not_waiting: the task runs, has ended, or waits for other nodes
 * of its flow; not_found; unique_conflict: the task waits for the end of the task that holds its unique key, so its time
 * cannot be changed; key_full: the new key has as many tasks as its limits allow.
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

/** What a change did to one task. */
export interface ChangeResult {
  /** The id of the task. */
  id: string;
  /** What the change did. */
  outcome: ChangeOutcome;
  /** The state of the task after the call. Left out if the state is not known: `not_found`, `key_full`. */
  state?: TaskState | undefined;
  /** With `unique_conflict`: the task for whose end this task waits. */
  heldBy?: string | undefined;
}

export const CHANGED_FIELDS = ["runAt", "priority", "key", "payload"] as const;

/** A field of a waiting task that was changed. */
export type ChangedField = (typeof CHANGED_FIELDS)[number];

/** All changes of one task while it waited, as one summary. Times are milliseconds since the epoch, Redis time. */
export interface ChangesView {
  /** How many changes there were. */
  count: number;
  /** When the first one was made. */
  firstAt: number;
  /** When the last one was made. */
  lastAt: number;
  /** The instance of the library that made the last change. The audit log says on whose behalf. */
  by: string;
  /** The fields that were changed. */
  fields: ChangedField[];
}
