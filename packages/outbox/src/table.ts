import type { Outcome, PendingRow } from "./row.ts";

/** A row as `enqueueTx` writes it. */
export interface NewRow {
  id: string;
  queue: string;
  type: string;
  payload: string;
  options: string | null;
}

/**
 * Rows that a relay has read. If the database can lock rows, no other relay gets these rows before `end` or
 * `abandon`.
 */
export interface Batch {
  readonly rows: readonly PendingRow[];
  /** Writes the outcome of each row, in the order of the rows, and unlocks the rows. */
  end(outcomes: readonly Outcome[]): Promise<void>;
  /** Unlocks the rows without a change. */
  abandon(): Promise<void>;
}

/** A row that was sent. */
export interface SentRow {
  id: string;
  queue: string;
}

/** A row that no relay sends any more, because its task was refused for good. */
export interface RefusedRow extends SentRow {
  type: string;
  /** The code and the message of the error. */
  error: string;
  /** Milliseconds since the epoch, clock of the database. */
  refusedAt: number;
}

export interface Counts {
  pending: number;
  /** Age of the oldest row that waits, ms; 0 if none waits. */
  oldestPendingMs: number;
  refused: number;
}

/** What the relay and the check do with the table, in Postgres or SQLite. */
export interface OutboxTable {
  /**
   * Reads rows that are due, the oldest first.
   * @param resting the queues whose rows are left out
   */
  take(limit: number, resting: readonly string[]): Promise<Batch>;
  /** Deletes rows that were sent more than `keepMs` ago. @returns how many, at most `limit` */
  clean(keepMs: number, limit: number): Promise<number>;
  counts(): Promise<Counts>;
  /** Returns rows that were sent within the last `windowMs` and whose task has the id of the row, ordered by id. */
  sent(windowMs: number, afterId: string, limit: number): Promise<SentRow[]>;
  /** Returns the refused rows, the oldest first. */
  refused(limit: number): Promise<RefusedRow[]>;
  /** Makes sent or refused rows due again. @returns how many there were */
  resend(ids: readonly string[]): Promise<number>;
  /**
   * Calls `wake` soon after rows were committed, if the database can announce them.
   * @returns a function that stops this
   */
  listen(wake: () => void, onError: (error: unknown) => void): () => Promise<void>;
}

export type Split = {
  sent: { id: string; taskId: string | null }[];
  postponed: { id: string; delayMs: number; error: string }[];
  refused: { id: string; error: string }[];
};

/** Sorts the rows of a batch by their outcome. Rows with the outcome "left" are in none of the lists. */
export function split(rows: readonly PendingRow[], outcomes: readonly Outcome[]): Split {
  const sorted: Split = { sent: [], postponed: [], refused: [] };
  for (const [place, { id }] of rows.entries()) {
    const outcome = outcomes[place];
    if (outcome?.kind === "sent") sorted.sent.push({ id, taskId: outcome.taskId });
    else if (outcome?.kind === "postponed") sorted.postponed.push({ id, ...outcome });
    else if (outcome?.kind === "refused") sorted.refused.push({ id, error: outcome.error });
  }
  return sorted;
}
