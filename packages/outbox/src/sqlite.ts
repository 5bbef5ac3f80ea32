import type { SqliteDatabase } from "./drivers.ts";
import type { OutboxNames } from "./names.ts";
import type { Outcome, PendingRow } from "./row.ts";
import {
  type Batch,
  type Counts,
  type NewRow,
  type OutboxTable,
  type RefusedRow,
  type SentRow,
  split,
} from "./table.ts";

/** Milliseconds since the epoch. The function `unixepoch('subsec')` exists only since SQLite 3.42. */
const NOW = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)";

/** Returns the SQL that makes the table, or does nothing if the table exists. */
export function sqliteSchema({ table, index }: OutboxNames): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE DEFAULT (lower(hex(randomblob(16)))),
  queue TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL CHECK (json_valid(payload)),
  options TEXT CHECK (options IS NULL OR json_valid(options)),
  created_at INTEGER NOT NULL DEFAULT (${NOW}),
  due_at INTEGER DEFAULT (${NOW}),
  tries INTEGER NOT NULL DEFAULT 0,
  sent_at INTEGER,
  refused_at INTEGER,
  task_id TEXT,
  error TEXT
);
CREATE INDEX IF NOT EXISTS ${index("due")} ON ${table} (due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index("sent")} ON ${table} (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index("refused")} ON ${table} (refused_at) WHERE refused_at IS NOT NULL;
`;
}

/** Writes rows in the transaction of the caller. @returns the ids that were not in the table before */
export function insertSqlite(
  tx: SqliteDatabase,
  { table }: OutboxNames,
  rows: readonly NewRow[],
): Set<unknown> {
  const stored = tx
    .prepare(
      `INSERT INTO ${table} (id, queue, type, payload, options)
SELECT value ->> 'id', value ->> 'queue', value ->> 'type', value ->> 'payload', value ->> 'options' FROM json_each(?) WHERE true ORDER BY key
ON CONFLICT (id) DO NOTHING RETURNING id`,
    )
    .all(JSON.stringify(rows));
  return new Set((stored as { id: string }[]).map(({ id }) => id));
}

/**
 * SQLite has no locks for rows, and a transaction that is open during the call to Redis would block every writer. So a
 * batch is read in one transaction and marked in another. Two relays may then send the same rows, and the second one
 * finds their tasks.
 */
export class SqliteTable implements OutboxTable {
  readonly #database: SqliteDatabase;
  readonly #table: string;

  constructor(database: SqliteDatabase, { table }: OutboxNames) {
    this.#database = database;
    this.#table = table;
  }

  async take(limit: number, resting: readonly string[]): Promise<Batch> {
    const rows = this.#inTransaction("BEGIN", () =>
      this.#all<PendingRow>(
        `SELECT id, queue, type, payload, options, tries, created_at AS createdAt, ${NOW} - created_at AS ageMs
FROM ${this.#table} WHERE due_at <= ${NOW} AND queue NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at, seq LIMIT ?`,
        JSON.stringify(resting),
        limit,
      ),
    );
    return { rows, end: async (outcomes) => this.#mark(rows, outcomes), abandon: async () => {} };
  }

  #mark(rows: readonly PendingRow[], outcomes: readonly Outcome[]): void {
    const { sent, postponed, refused } = split(rows, outcomes);
    if (sent.length + postponed.length + refused.length === 0) return;
    const update = (set: string, changes: readonly object[]) => {
      if (changes.length === 0) return;
      this.#run(
        `UPDATE ${this.#table} AS entry SET ${set} FROM json_each(?) AS done WHERE entry.id = done.value ->> 'id' AND entry.due_at IS NOT NULL`,
        JSON.stringify(changes),
      );
    };
    this.#inTransaction("BEGIN IMMEDIATE", () => {
      update(`due_at = NULL, sent_at = ${NOW}, error = NULL, task_id = done.value ->> 'taskId'`, sent);
      update(
        `due_at = ${NOW} + (done.value ->> 'delayMs'), tries = tries + 1, error = done.value ->> 'error'`,
        postponed,
      );
      update(`due_at = NULL, refused_at = ${NOW}, error = done.value ->> 'error'`, refused);
    });
  }

  async clean(keepMs: number, limit: number): Promise<number> {
    return this.#inTransaction("BEGIN IMMEDIATE", () => {
      const gone = this.#all(
        `DELETE FROM ${this.#table} WHERE seq IN (
  SELECT seq FROM ${this.#table} WHERE sent_at <= ${NOW} - ? ORDER BY sent_at LIMIT ?
) RETURNING 1`,
        keepMs,
        limit,
      );
      return gone.length;
    });
  }

  async counts(): Promise<Counts> {
    const [counts] = this.#all<Counts>(
      `SELECT (SELECT count(*) FROM ${this.#table} WHERE due_at IS NOT NULL) AS pending,
  coalesce((SELECT ${NOW} - min(created_at) FROM ${this.#table} WHERE due_at IS NOT NULL), 0) AS oldestPendingMs,
  (SELECT count(*) FROM ${this.#table} WHERE refused_at IS NOT NULL) AS refused`,
    );
    return { ...(counts as Counts) };
  }

  async sent(windowMs: number, afterId: string, limit: number) {
    return this.#all<SentRow>(
      `SELECT id, queue FROM ${this.#table}
WHERE sent_at > ${NOW} - ? AND task_id IS NULL AND id > ? ORDER BY id LIMIT ?`,
      windowMs,
      afterId,
      limit,
    );
  }

  async refused(limit: number) {
    return this.#all<RefusedRow>(
      `SELECT id, queue, type, error, refused_at AS refusedAt FROM ${this.#table}
WHERE refused_at IS NOT NULL ORDER BY refused_at, id LIMIT ?`,
      limit,
    );
  }

  async resend(ids: readonly string[]): Promise<number> {
    return this.#inTransaction("BEGIN IMMEDIATE", () => {
      const due = this.#all(
        `UPDATE ${this.#table} SET due_at = ${NOW}, sent_at = NULL, refused_at = NULL, task_id = NULL, tries = 0
WHERE id IN (SELECT value FROM json_each(?)) AND due_at IS NULL RETURNING 1`,
        JSON.stringify(ids),
      );
      return due.length;
    });
  }

  /** SQLite cannot tell another connection about new rows, so the relay only polls. */
  listen(): () => Promise<void> {
    return async () => {};
  }

  #all<Row>(sql: string, ...values: (string | number | null)[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }

  #run(sql: string, ...values: (string | number | null)[]): void {
    this.#database.prepare(sql).run(...values);
  }

  /**
   * Runs calls in a transaction of their own. If the connection is in a transaction of somebody else, BEGIN fails, and
   * no row is read that may still be rolled back.
   */
  #inTransaction<Result>(begin: string, act: () => Result): Result {
    this.#database.exec(begin);
    try {
      const result = act();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk, for example, may have ended the transaction already.
      try {
        this.#database.exec("ROLLBACK");
      } catch {}
      throw error;
    }
  }
}
