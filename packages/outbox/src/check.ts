import { type Holdfast, HoldfastError, Queue } from "holdfast";
import type { OutboxTable, RefusedRow, SentRow } from "./table.ts";

const PAGE_ROWS = 500;
const SHOWN_REFUSED = 100;

/** The result of `Outbox.check`. */
export interface OutboxReport {
  /** Whether every compared row has its task, and no row was refused. */
  agrees: boolean;
  /** How many rows wait to be sent. */
  pending: number;
  /** The age of the oldest row that waits, ms; 0 if none waits. */
  oldestPendingMs: number;
  /** How many rows were refused for good. */
  refused: number;
  /** The first 100 refused rows. */
  refusedRows: RefusedRow[];
  /**
   * How many rows were sent within the window and created a task. A row creates no task if another task holds its
   * unique key.
   */
  compared: number;
  /** How many compared rows have a task, or had one that ended and was removed. */
  known: number;
  /**
   * The compared rows whose task Redis does not know. Redis has lost those tasks, or their queue was emptied or
   * deleted.
   */
  missing: SentRow[];
}

/** Looks up the task of every row that was sent within the window. */
export async function compare(
  table: OutboxTable,
  client: Holdfast,
  windowMs: number,
  signal: AbortSignal | undefined,
): Promise<OutboxReport> {
  const counts = await table.counts();
  const refusedRows = await table.refused(SHOWN_REFUSED);
  const queues = new Map<string, Queue>();
  const missing: SentRow[] = [];
  let compared = 0;
  for (let after = ""; ; ) {
    signal?.throwIfAborted();
    const rows = await table.sent(windowMs, after, PAGE_ROWS);
    const known = await Promise.all(
      rows.map(({ id, queue: name }) => {
        const queue = queues.get(name) ?? new Queue(name, { client });
        queues.set(name, queue);
        return isKnown(queue, id);
      }),
    );
    for (const [place, { id, queue }] of rows.entries()) if (!known[place]) missing.push({ id, queue });
    compared += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) break;
    after = last.id;
  }
  const agrees = missing.length === 0 && counts.refused === 0;
  return { agrees, ...counts, refusedRows, compared, known: compared - missing.length, missing };
}

/** True if a task exists, or has existed and ended. Redis remembers an id longer than its task. */
async function isKnown(queue: Queue, id: string): Promise<boolean> {
  try {
    return (await queue.wait(id, { waitMs: 0 })) !== null;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "task_not_kept") return true;
    throw error;
  }
}
