import type { PostgresClient, PostgresPool, PostgresTransaction } from "./drivers.ts";
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

const RELISTEN_MS = 1_000;

/**
 * Returns the SQL that makes the table, or does nothing if the table exists. Autovacuum runs often, because every row
 * is soon written, updated and deleted.
 */
export function postgresSchema({ table, index }: OutboxNames): string {
  return `CREATE TABLE IF NOT EXISTS ${table} (
  id text COLLATE "C" PRIMARY KEY DEFAULT gen_random_uuid()::text,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  queue text NOT NULL,
  type text NOT NULL,
  payload json NOT NULL,
  options json,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at timestamptz DEFAULT clock_timestamp(),
  tries integer NOT NULL DEFAULT 0,
  sent_at timestamptz,
  refused_at timestamptz,
  task_id text,
  error text
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX IF NOT EXISTS ${index("due")} ON ${table} (due_at, seq) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index("sent")} ON ${table} (sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS ${index("refused")} ON ${table} (refused_at) WHERE refused_at IS NOT NULL;
`;
}

/**
 * Runs the SQL that makes the table. Two concurrent CREATE TABLE IF NOT EXISTS can fail, so a lock makes the second
 * process wait. Both statements are sent as one text, which Postgres runs as one transaction.
 */
export async function migratePostgres(database: PostgresTransaction, names: OutboxNames): Promise<void> {
  const key = Number.parseInt(names.channel.slice(-12), 16);
  await database.query(`SELECT pg_advisory_xact_lock(${key});\n${postgresSchema(names)}`);
}

/** Writes rows in the transaction of the caller. @returns the ids that were not in the table before */
export async function insertPostgres(
  tx: PostgresTransaction,
  { table, channel }: OutboxNames,
  rows: readonly NewRow[],
  notify: boolean,
): Promise<Set<unknown>> {
  const column = (name: keyof NewRow) => rows.map((row) => row[name]);
  const announced = notify ? `, (SELECT pg_notify('${channel}', '')::text) AS announced` : "";
  const { rows: stored } = await tx.query(
    `WITH stored AS (
  INSERT INTO ${table} (id, queue, type, payload, options)
  SELECT id, queue, type, payload::json, options::json
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS new (id, queue, type, payload, options, place)
  ORDER BY place
  ON CONFLICT (id) DO NOTHING
  RETURNING id
) SELECT id${announced} FROM stored`,
    [column("id"), column("queue"), column("type"), column("payload"), column("options")],
  );
  return new Set(stored.map(({ id }) => id));
}

/**
 * Settings of the transactions of a relay:
 * - The idle timeout ends the transaction of a relay that stops in the middle, so that other relays get its rows.
 * - Without synchronous commit, a crash of the server can undo a mark. The row is then sent again, and Redis
 *   recognises its task.
 * - Sequential scans and sorts are off, because the statistics of such a table are often out of date.
 */
const BEGIN = `BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL idle_in_transaction_session_timeout = '60s';
SET LOCAL synchronous_commit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off`;

const ms = (timestamp: string) => `(extract(epoch FROM ${timestamp}) * 1000)::float8`;

export class PostgresTable implements OutboxTable {
  readonly #pool: PostgresPool;
  readonly #names: OutboxNames;

  constructor(pool: PostgresPool, names: OutboxNames) {
    this.#pool = pool;
    this.#names = names;
  }

  async take(limit: number, resting: readonly string[]): Promise<Batch> {
    const client = await connected(this.#pool);
    let rows: PendingRow[];
    try {
      await client.query(BEGIN);
      const found = await client.query(
        `SELECT id, queue, type, payload::text AS payload, options::text AS options, tries,
  ${ms("created_at")} AS "createdAt", ${ms("clock_timestamp() - created_at")} AS "ageMs"
FROM ${this.#names.table}
WHERE due_at <= statement_timestamp() AND queue <> ALL($2::text[])
ORDER BY due_at, seq LIMIT $1
FOR NO KEY UPDATE SKIP LOCKED`,
        [limit, resting],
      );
      rows = found.rows as unknown as PendingRow[];
    } catch (error) {
      client.release(asError(error));
      throw error;
    }
    const finish = async (act: () => Promise<unknown>) => {
      try {
        await act();
      } catch (error) {
        client.release(asError(error));
        throw error;
      }
      client.release();
    };
    return {
      rows,
      end: (outcomes) =>
        finish(async () => {
          await this.#mark(client, rows, outcomes);
          await client.query("COMMIT");
        }),
      abandon: () => finish(() => client.query("ROLLBACK")),
    };
  }

  async #mark(client: PostgresTransaction, rows: readonly PendingRow[], outcomes: readonly Outcome[]) {
    const { sent, postponed, refused } = split(rows, outcomes);
    const { table } = this.#names;
    if (sent.length > 0)
      await client.query(
        `UPDATE ${table} AS entry SET due_at = NULL, sent_at = clock_timestamp(), error = NULL, task_id = done.task_id
FROM unnest($1::text[], $2::text[]) AS done (id, task_id) WHERE entry.id = done.id`,
        [sent.map(({ id }) => id), sent.map(({ taskId }) => taskId)],
      );
    if (postponed.length > 0)
      await client.query(
        `UPDATE ${table} AS entry SET due_at = clock_timestamp() + done.ms * interval '1 millisecond', tries = tries + 1, error = done.error
FROM unnest($1::text[], $2::float8[], $3::text[]) AS done (id, ms, error) WHERE entry.id = done.id`,
        [
          postponed.map(({ id }) => id),
          postponed.map(({ delayMs }) => delayMs),
          postponed.map(({ error }) => error),
        ],
      );
    if (refused.length > 0)
      await client.query(
        `UPDATE ${table} AS entry SET due_at = NULL, refused_at = clock_timestamp(), error = done.error
FROM unnest($1::text[], $2::text[]) AS done (id, error) WHERE entry.id = done.id`,
        [refused.map(({ id }) => id), refused.map(({ error }) => error)],
      );
  }

  async clean(keepMs: number, limit: number): Promise<number> {
    const { table } = this.#names;
    const { rows } = await this.#query(
      `WITH gone AS (
  DELETE FROM ${table} WHERE id IN (
    SELECT id FROM ${table} WHERE sent_at <= statement_timestamp() - $1::float8 * interval '1 millisecond'
    ORDER BY sent_at LIMIT $2 FOR UPDATE SKIP LOCKED
  ) RETURNING 1
) SELECT count(*)::int AS count FROM gone`,
      [keepMs, limit],
    );
    return Number(rows[0]?.count);
  }

  async counts(): Promise<Counts> {
    const { table } = this.#names;
    const { rows } = await this.#query(
      `SELECT (SELECT count(*) FROM ${table} WHERE due_at IS NOT NULL)::float8 AS pending,
  coalesce((SELECT ${ms("clock_timestamp() - min(created_at)")} FROM ${table} WHERE due_at IS NOT NULL), 0) AS "oldestPendingMs",
  (SELECT count(*) FROM ${table} WHERE refused_at IS NOT NULL)::float8 AS refused`,
    );
    return rows[0] as unknown as Counts;
  }

  async sent(windowMs: number, afterId: string, limit: number) {
    const { rows } = await this.#query(
      `SELECT id, queue FROM ${this.#names.table}
WHERE sent_at > statement_timestamp() - $1::float8 * interval '1 millisecond' AND task_id IS NULL AND id > $2 ORDER BY id LIMIT $3`,
      [windowMs, afterId, limit],
    );
    return rows as unknown as SentRow[];
  }

  async refused(limit: number) {
    const { rows } = await this.#query(
      `SELECT id, queue, type, error, ${ms("refused_at")} AS "refusedAt" FROM ${this.#names.table}
WHERE refused_at IS NOT NULL ORDER BY refused_at, id LIMIT $1`,
      [limit],
    );
    return rows as unknown as RefusedRow[];
  }

  async resend(ids: readonly string[]): Promise<number> {
    const { rows } = await this.#query(
      `UPDATE ${this.#names.table} SET due_at = clock_timestamp(), sent_at = NULL, refused_at = NULL, task_id = NULL, tries = 0
WHERE id = ANY($1::text[]) AND due_at IS NULL RETURNING 1`,
      [ids],
    );
    return rows.length;
  }

  async #query(text: string, values: unknown[] = []) {
    const client = await connected(this.#pool);
    try {
      const result = await client.query(text, values);
      client.release();
      return result;
    } catch (error) {
      client.release(asError(error));
      throw error;
    }
  }

  listen(wake: () => void, onError: (error: unknown) => void): () => Promise<void> {
    // An idle connection reports its errors as events of the pool. Without a listener, such an event ends the
    // process.
    this.#pool.on?.("error", onError);
    let isOver = false;
    let client: PostgresClient | undefined;
    let timer: NodeJS.Timeout | undefined;
    const again = (error: unknown) => {
      if (isOver || timer !== undefined) return;
      client?.release(true);
      client = undefined;
      onError(error);
      timer = setTimeout(() => {
        timer = undefined;
        opening = open();
      }, RELISTEN_MS);
    };
    const open = async () => {
      try {
        const own = await connected(this.#pool, again);
        if (isOver) return own.release(true);
        client = own;
        own.on?.("notification", wake);
        own.on?.("end", () => again(new Error("the connection that listens for new rows was closed")));
        await own.query(`LISTEN ${this.#names.channel}`);
        wake();
      } catch (error) {
        again(error);
      }
    };
    let opening = open();
    return async () => {
      isOver = true;
      clearTimeout(timer);
      await opening;
      client?.release(true);
      this.#pool.removeListener?.("error", onError);
    };
  }
}

const asError = (error: unknown) => (error instanceof Error ? error : true);

/**
 * Takes a connection from the pool. A connection that runs no query reports its errors as events. Without a listener,
 * such an event ends the process.
 */
async function connected(
  pool: PostgresPool,
  onError: (error: unknown) => void = () => {},
): Promise<PostgresClient> {
  const client = await pool.connect();
  client.on?.("error", onError);
  const release = client.release.bind(client);
  let isReleased = false;
  return {
    query: (text, values) => client.query(text, values),
    on: (event, listener) => client.on?.(event, listener),
    release(error) {
      if (isReleased) return;
      isReleased = true;
      release(error);
      // If the pool closes this connection, the connection may still report an error. So the listener stays.
      if (!error) client.removeListener?.("error", onError);
    },
  };
}
