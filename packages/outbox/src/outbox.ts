import {
  type EnqueueReceipt,
  Holdfast,
  HoldfastError,
  type RedisOption,
  type TaskDefinition,
  type TaskOptions,
} from "holdfast";
import { checkTask } from "holdfast/operate";
import { compare, type OutboxReport } from "./check.ts";
import { isSqlite, type PostgresPool, type PostgresTransaction, type SqliteDatabase } from "./drivers.ts";
import { outboxNames } from "./names.ts";
import { insertPostgres, migratePostgres, PostgresTable, postgresSchema } from "./postgres.ts";
import { mintRowId } from "./row.ts";
import { insertSqlite, SqliteTable, sqliteSchema } from "./sqlite.ts";
import type { NewRow, OutboxTable } from "./table.ts";

/** Options of an `Outbox`. Producers and relays need the same ones. */
export interface OutboxOptions {
  /** The name of the table, 1 to 48 bytes. @default "holdfast_outbox" */
  table?: string | undefined;
  /** The schema of the table, only in Postgres, 1 to 63 bytes. @default the first one of the `search_path` */
  schema?: string | undefined;
  /**
   * Whether each transaction of Postgres tells the relay that it has written rows (NOTIFY). Without the message, the
   * relay finds a row only at its next poll. @default true
   */
  notify?: boolean | undefined;
}

/**
 * Options of a task in an outbox: those of `queue.enqueue`, without `ifEnded`, which is always "duplicate", and
 * `partitionKey`. An `id` is the id of the row as well. `delayMs` counts from the time at which the row is written.
 */
export type OutboxTaskOptions = Omit<TaskOptions, "ifEnded" | "partitionKey">;

/** One task of `enqueueManyTx`. */
export interface OutboxTask extends OutboxTaskOptions {
  type: string;
  /** A JSON value. */
  payload: unknown;
}

/** The result of an enqueue into the outbox. */
export interface OutboxReceipt {
  /** The id of the row, which becomes the id of the task. */
  id: string;
  /** The table has a row with this id already, so no row was written. Only possible if the caller gave the id. */
  duplicate: boolean;
}

/** Options of `Outbox.check`. */
export type CheckOptions = {
  /**
   * Rows that were sent within this time are compared, ms. It must not be longer than the `idempotencyMs` of the queues,
   * because after that Redis may have forgotten an id. @default 3_600_000
   */
  windowMs?: number | undefined;
  /** Ends the check between two pages. */
  signal?: AbortSignal | undefined;
} & (
  | { client: Holdfast; redis?: undefined }
  | { redis: RedisOption; prefix?: string | undefined; client?: undefined }
);

const OPTION_NAMES: ReadonlySet<string> = new Set(["table", "schema", "notify"]);

/** A table in the database of an application. Its rows become tasks once their transaction has been committed. */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #names: ReturnType<typeof outboxNames>;

  /** @throws HoldfastError invalid_argument */
  constructor(options: OutboxOptions = {}) {
    for (const name of Object.keys(options))
      if (!OPTION_NAMES.has(name))
        throw new HoldfastError(
          "invalid_argument",
          `${name} is not an option of an outbox. Its options are ${[...OPTION_NAMES].join(", ")}`,
        );
    this.#options = options;
    this.#names = outboxNames(options.table ?? "holdfast_outbox", options.schema);
  }

  /** Returns the SQL that makes the table and its indexes. It can be run again. @throws HoldfastError invalid_argument */
  schema(database: "postgres" | "sqlite"): string {
    return database === "sqlite" ? sqliteSchema(this.#sqliteNames()) : postgresSchema(this.#names);
  }

  /** Makes the table and its indexes if they are missing. Any number of processes may do this at once. */
  async migrate(database: PostgresTransaction | SqliteDatabase): Promise<void> {
    if (isSqlite(database)) database.exec(this.schema("sqlite"));
    else await migratePostgres(database, this.#names);
  }

  /**
   * Writes a task into the table, in the transaction of the caller. The task is enqueued soon after the transaction was
   * committed, and never if it is rolled back. With SQLite, the row is written and the receipt returned before the call
   * returns.
   * @throws HoldfastError invalid_*, payload_too_large, before anything is written
   */
  enqueueTx(
    tx: PostgresTransaction,
    queue: string,
    type: string,
    payload: unknown,
    options?: OutboxTaskOptions,
  ): Promise<OutboxReceipt>;
  /** Does the same with a task definition, which checks the payload and adds default values. */
  enqueueTx<Input>(
    tx: PostgresTransaction,
    queue: string,
    definition: Pick<TaskDefinition<Input, unknown>, "type" | "enqueue">,
    payload: Input,
    options?: OutboxTaskOptions,
  ): Promise<OutboxReceipt>;
  enqueueTx(
    tx: SqliteDatabase,
    queue: string,
    type: string,
    payload: unknown,
    options?: OutboxTaskOptions,
  ): OutboxReceipt;
  enqueueTx(
    tx: PostgresTransaction | SqliteDatabase,
    queue: string,
    task: string | Pick<TaskDefinition<never, unknown>, "type" | "enqueue">,
    payload: unknown,
    options: OutboxTaskOptions = {},
  ): OutboxReceipt | Promise<OutboxReceipt> {
    if (isSqlite(tx)) {
      if (typeof task !== "string")
        throw new HoldfastError(
          "invalid_argument",
          "an outbox in SQLite takes no task definition, because a definition checks payloads asynchronously: give the task type as a string",
        );
      return first(this.enqueueManyTx(tx, queue, [{ ...options, type: task, payload }]));
    }
    return typeof task === "string"
      ? this.enqueueManyTx(tx, queue, [{ ...options, type: task, payload }]).then(first)
      : this.#enqueueDefined(tx, queue, task, payload, options);
  }

  /** The task definition expects a queue. It gets an object that has the same method and writes the row. */
  async #enqueueDefined(
    tx: PostgresTransaction,
    queue: string,
    definition: Pick<TaskDefinition<never, unknown>, "enqueue">,
    payload: unknown,
    options: OutboxTaskOptions,
  ): Promise<OutboxReceipt> {
    let receipt: OutboxReceipt | undefined;
    const enqueue = async (type: string, checked: unknown, own: TaskOptions = {}) => {
      receipt = await this.enqueueTx(tx, queue, type, checked, own);
      return receipt as unknown as EnqueueReceipt;
    };
    await definition.enqueue({ enqueue }, payload as never, options);
    return receipt as OutboxReceipt;
  }

  /**
   * Writes many tasks of one queue with one statement. If one of them is invalid, none is written.
   * @returns a receipt per task, in the order given
   * @throws HoldfastError as `enqueueTx`
   */
  enqueueManyTx(
    tx: PostgresTransaction,
    queue: string,
    tasks: readonly OutboxTask[],
  ): Promise<OutboxReceipt[]>;
  enqueueManyTx(tx: SqliteDatabase, queue: string, tasks: readonly OutboxTask[]): OutboxReceipt[];
  enqueueManyTx(
    tx: PostgresTransaction | SqliteDatabase,
    queue: string,
    tasks: readonly OutboxTask[],
  ): OutboxReceipt[] | Promise<OutboxReceipt[]> {
    if (isSqlite(tx)) {
      const rows = tasks.map((task) => rowOf(queue, task));
      return receiptsOf(rows, rows.length === 0 ? new Set() : insertSqlite(tx, this.#sqliteNames(), rows));
    }
    return this.#enqueueManyPostgres(tx, queue, tasks);
  }

  async #enqueueManyPostgres(tx: PostgresTransaction, queue: string, tasks: readonly OutboxTask[]) {
    const rows = tasks.map((task) => rowOf(queue, task));
    if (rows.length === 0) return [];
    return receiptsOf(rows, await insertPostgres(tx, this.#names, rows, this.#options.notify ?? true));
  }

  /**
   * Compares the table with the tasks in Redis. Each row that was sent within the window needs a task in Redis, or a
   * record there that its task ended and was removed.
   * @throws HoldfastError redis_*, invalid_argument
   */
  async check(database: PostgresPool | SqliteDatabase, options: CheckOptions): Promise<OutboxReport> {
    const { windowMs = 3_600_000, signal } = options;
    const client =
      options.client ??
      new Holdfast({ redis: options.redis, prefix: options.prefix, instance: "outbox-check" });
    try {
      await client.check();
      return await compare(this.table(database), client, windowMs, signal);
    } finally {
      if (options.client === undefined) await client.close();
    }
  }

  /**
   * Makes sent or refused rows due again. Use this after you have removed the cause of a refusal, or after Redis has
   * lost tasks. A task that Redis still knows does not run again.
   * @returns how many rows there were
   */
  resend(database: PostgresPool | SqliteDatabase, ids: readonly string[]): Promise<number> {
    return this.table(database).resend(ids);
  }

  /** @internal The table as the relay and the check use it. */
  table(database: PostgresPool | SqliteDatabase): OutboxTable {
    return isSqlite(database)
      ? new SqliteTable(database, this.#sqliteNames())
      : new PostgresTable(database, this.#names);
  }

  #sqliteNames() {
    if (this.#names.schema === undefined) return this.#names;
    throw new HoldfastError("invalid_argument", "schema: an outbox in SQLite has no schema");
  }
}

const first = ([receipt]: OutboxReceipt[]) => receipt as OutboxReceipt;

function rowOf(queue: string, { type, payload, ...given }: OutboxTask): NewRow {
  const text = checkTask(queue, type, payload, given);
  for (const name of ["ifEnded", "partitionKey"] as const)
    if ((given as TaskOptions)[name] !== undefined)
      throw new HoldfastError(
        "invalid_argument",
        name === "ifEnded"
          ? 'ifEnded is not an option of a task in an outbox: it is always "duplicate"'
          : "partitionKey is not an option of a task in an outbox: its id decides the partition",
      );
  const { id = mintRowId(), ...options } = given;
  const optionsText = JSON.stringify(options);
  return { id, queue, type, payload: text, options: optionsText === "{}" ? null : optionsText };
}

/** Of several rows with the same id, only the first can have been written. */
function receiptsOf(rows: readonly NewRow[], stored: Set<unknown>): OutboxReceipt[] {
  return rows.map(({ id }) => ({ id, duplicate: !stored.delete(id) }));
}
