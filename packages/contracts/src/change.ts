import type { Priority, TaskState } from "./states.ts";

/** What a task that waits gets in place of what it has. At least one of these. */
export interface TaskChange {
  /** When the task is due, ms since the epoch, Redis time. A time that has passed makes it pending at once. Excludes `delayMs`. */
  runAt?: number | undefined;
  /** In how many milliseconds of Redis time the task is due, 0 to 365 days. 0: at once. Excludes `runAt`. */
  delayMs?: number | undefined;
  priority?: Priority | undefined;
  /** The key in whose line the task waits; null for none. In a queue with partitions only a key of its own partition. */
  key?: string | null | undefined;
  /** Any JSON value. With exactly one task. Excludes `payloadText`. */
  payload?: unknown;
  /** The exact JSON text of the payload, kept byte by byte. The caller vouches that it is JSON. Excludes `payload`. */
  payloadText?: string | undefined;
}

/** What many tasks get at a time. */
export type BulkChange = Pick<TaskChange, "runAt" | "delayMs" | "priority">;

/**
 * changed; unchanged: it was like that already; not_waiting: it runs, has ended, or waits for other nodes of its flow; not_found; unique_conflict: it waits for the end of the
 * task that holds its unique key, so its time cannot be changed; key_full: the key has as many tasks as its limits allow.
 */
export const CHANGE_OUTCOMES = [
  "changed",
  "unchanged",
  "not_waiting",
  "not_found",
  "unique_conflict",
  "key_full",
] as const;
export type ChangeOutcome = (typeof CHANGE_OUTCOMES)[number];

export interface ChangeResult {
  id: string;
  outcome: ChangeOutcome;
  /** The state of the task after the call. Left out where that is not known: `not_found`, `key_full`. */
  state?: TaskState | undefined;
  /** With `unique_conflict`: the task whose end it waits for. */
  heldBy?: string | undefined;
}

export const CHANGED_FIELDS = ["runAt", "priority", "key", "payload"] as const;
export type ChangedField = (typeof CHANGED_FIELDS)[number];

/** The changes of one task while it waited, together. Times are milliseconds since the epoch, Redis time. */
export interface ChangesView {
  count: number;
  firstAt: number;
  lastAt: number;
  /** The instance of the library that changed it last. The audit log says who asked a service or the command for it. */
  by: string;
  fields: ChangedField[];
}
