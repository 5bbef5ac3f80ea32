import { randomBytes } from "node:crypto";
import type { EnqueueResult, HoldfastError, NewTask, TaskOptions } from "holdfast";

/** A row that waits to be sent to Redis. */
export interface PendingRow {
  id: string;
  queue: string;
  type: string;
  /** JSON text. */
  payload: string;
  /** JSON text of the options; null if there are none. */
  options: string | null;
  /** How often the row was postponed. */
  tries: number;
  /** Clock of the database, ms since the epoch. */
  createdAt: number;
  /** How old the row was when it was read, by the clock of the database. */
  ageMs: number;
}

/** What happens to a row after an enqueue. */
export type Outcome =
  /** `taskId`: the task of another row or producer that holds its unique key; null if the row has a task of its own. */
  | { kind: "sent"; taskId: string | null; found: boolean }
  | { kind: "postponed"; delayMs: number; error: string }
  | { kind: "refused"; code: string; error: string }
  /** The queue accepts no tasks now, which says nothing about the row. The row stays as it is. */
  | { kind: "left"; error: HoldfastError };

const LONGEST_DELAY_MS = 60_000;

/** Errors after which no later enqueue of the same row can succeed. */
const REFUSALS: ReadonlySet<string> = new Set([
  "invalid_argument",
  "invalid_queue_name",
  "invalid_task_id",
  "invalid_task_type",
  "payload_too_large",
  "payload_too_deep",
  "unique_conflict",
]);

/** Errors of Redis or of a whole queue, which say nothing about the row. */
const QUEUE_RESTS: ReadonlySet<string> = new Set([
  "queue_full",
  "redis_unavailable",
  "redis_refused",
  "redis_unsupported",
  "redis_out_of_memory",
  "redis_read_only",
  "outcome_unknown",
  "layout_too_new",
  "closed",
]);

/**
 * Returns the task of a row. The same row always gives the same task, so that Redis recognises a repeated enqueue.
 * That is why a delay counts from the time at which the row was written.
 * @throws SyntaxError if the options are not JSON
 */
export function taskOf({ id, type, payload, options, createdAt }: PendingRow): NewTask {
  const task: NewTask = { type, payloadText: payload, id, ifEnded: "duplicate" };
  if (options === null) return task;
  const { delayMs, ...others } = JSON.parse(options) as TaskOptions;
  // A debounced task is due some time after its last enqueue, so its delay begins with the enqueue.
  if (delayMs === undefined || others.unique?.onConflict === "debounce")
    return { ...others, ...(delayMs === undefined ? {} : { delayMs }), ...task };
  return { ...others, runAt: Math.round(createdAt + delayMs), ...task };
}

/** Decides what happens to a row. */
export function outcomeOf(result: EnqueueResult, tries: number): Outcome {
  if (result.ok) {
    const { id, duplicate, deduplicated } = result.receipt;
    return { kind: "sent", taskId: deduplicated ? id : null, found: duplicate && !deduplicated };
  }
  const { code, message, retryAfterMs } = result.error;
  const error = `${code}: ${message}`;
  // A task with this id and another content exists, so the row can never be sent. If the error has a retry time, that
  // task is about to end, and the row is tried again.
  if (REFUSALS.has(code) || (code === "task_conflict" && retryAfterMs === undefined))
    return { kind: "refused", code, error };
  if (QUEUE_RESTS.has(code)) return { kind: "left", error: result.error };
  const delayMs = Math.min(LONGEST_DELAY_MS, (retryAfterMs ?? 1_000) * 2 ** Math.min(tries, 10));
  return { kind: "postponed", delayMs, error };
}

/** Mints a UUID of version 7. It begins with the time, so new rows are neighbours in the index of the table. */
export function mintRowId(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
