import { EventEmitter } from "node:events";
import { type EnqueueResult, Holdfast, HoldfastError, type NewTask, Queue, type RedisOption } from "holdfast";
import type { PostgresPool, SqliteDatabase } from "./drivers.ts";
import { Outbox } from "./outbox.ts";
import { type Outcome, outcomeOf, type PendingRow, taskOf } from "./row.ts";
import type { Counts, OutboxTable, RefusedRow } from "./table.ts";
import { Wake } from "./wake.ts";

const FIRST_POLL_MS = 5;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
const CLEAN_EVERY_MS = 1_000;
const CLEANED_ROWS = 5_000;

/** Options of an `OutboxRelay`. */
export type OutboxRelayOptions = {
  /** Where the rows are. A pool of Postgres needs at least two connections. */
  database: PostgresPool | SqliteDatabase;
  /** The outbox, which knows the name of the table. @default new Outbox() */
  outbox?: Outbox | undefined;
  /** How many rows the relay sends in one batch, 1 to 5,000. @default 500 */
  batchRows?: number | undefined;
  /**
   * The longest time between two reads of the table, ms, 1 to 60_000. After rows were found, the next read comes
   * sooner. With Postgres, the relay also reads when a transaction announces new rows. @default 250
   */
  pollMs?: number | undefined;
  /**
   * How long rows that were sent stay in the table, so that `check` can compare them, ms. @default 3_600_000
   */
  keepMs?: number | undefined;
} & (
  | {
      /** A client that others may use too. The relay does not close it. */
      client: Holdfast;
      redis?: undefined;
    }
  | { redis: RedisOption; prefix?: string | undefined; client?: undefined }
);

/** The result of one batch. */
export interface RelayedEvent {
  /** How many rows were sent to Redis. */
  sent: number;
  /** How many of the sent rows had a task already, from an earlier attempt. */
  found: number;
  /** How many of the sent rows created no task, because another task held their unique key. */
  merged: number;
  /** How many rows will be tried again later. */
  postponed: number;
  /** The ages of the rows that were sent, from their insertion to their enqueue, ms. */
  lagsMs: number[];
}

/** The events of an `OutboxRelay`. */
export interface OutboxRelayEvents {
  /** A batch was sent and marked. */
  relayed: [RelayedEvent];
  /** A row was refused for good. */
  refused: [RefusedRow];
  /** The database or Redis did not answer, or a queue takes no tasks. The relay tries again. */
  error: [unknown];
}

/** Sends the rows of an outbox table to Redis. Any number of relays may run at the same time. */
export class OutboxRelay extends EventEmitter<OutboxRelayEvents> {
  readonly #table: OutboxTable;
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #batchRows: number;
  readonly #pollMs: number;
  readonly #keepMs: number;
  readonly #queues = new Map<string, Queue>();
  /** The queues that accept no tasks now, with the time of the next attempt. */
  readonly #resting = new Map<string, { until: number; ms: number }>();
  readonly #wake = new Wake();
  #cleanNextAt = 0;
  #lastSuccessAt = 0;
  #loop: Promise<void> | undefined;
  #unlisten: (() => Promise<void>) | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws HoldfastError invalid_argument */
  constructor(options: OutboxRelayOptions) {
    super();
    const { database, outbox = new Outbox(), client } = options;
    this.#batchRows = whole("batchRows", options.batchRows ?? 500, 1, 5_000);
    this.#pollMs = whole("pollMs", options.pollMs ?? 250, 1, 60_000);
    this.#keepMs = whole("keepMs", options.keepMs ?? 3_600_000, 0, 365 * 86_400_000);
    this.#table = outbox.table(database);
    this.#ownsClient = client === undefined;
    this.#client =
      client ??
      new Holdfast({ redis: options.redis as RedisOption, prefix: options.prefix, instance: "outbox" });
  }

  /**
   * Begins to send rows. It does not wait for a connection: while the database or Redis is away, the relay tries
   * again.
   */
  start(): void {
    if (this.#stopped) throw new HoldfastError("closed", "this relay was stopped");
    if (this.#loop) return;
    this.#unlisten = this.#table.listen(
      () => this.#wake.now(),
      (error) => this.#tell("error", error),
    );
    this.#loop = this.#run();
  }

  /** When the relay last read the table and marked the rows, ms since the epoch; 0 before the first time. */
  lastSuccessAt(): number {
    return this.#lastSuccessAt;
  }

  /** Counts the rows in the table, for metrics. */
  counts(): Promise<Counts> {
    return this.#table.counts();
  }

  /** Ends the present batch, and gives up on Redis after `graceMs`. Idempotent. @param options.graceMs @default 25_000 */
  stop({ graceMs = 25_000 }: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#wake.end();
    const timer = this.#ownsClient ? setTimeout(() => void this.#client.close(), graceMs) : undefined;
    await this.#loop;
    clearTimeout(timer);
    await this.#unlisten?.();
    if (this.#ownsClient) await this.#client.close();
  }

  async #run(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    let pollMs = FIRST_POLL_MS;
    while (!this.#wake.hasEnded) {
      try {
        const rows = await this.runOnce();
        backoffMs = FIRST_BACKOFF_MS;
        if (rows >= this.#batchRows) continue;
        pollMs = rows > 0 ? FIRST_POLL_MS : Math.min(pollMs * 2, this.#pollMs);
        await this.#wake.wait(pollMs, FIRST_POLL_MS);
      } catch (error) {
        this.#tell("error", error);
        await this.#wake.wait(backoffMs, backoffMs);
        backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS);
      }
    }
  }

  /**
   * Sends one batch. The rows are marked after their enqueue. If this process dies in between, they are sent again,
   * and Redis recognises their tasks by the ids.
   * @returns how many rows were read
   * @throws whatever the database throws
   */
  async runOnce(): Promise<number> {
    const batch = await this.#table.take(this.#batchRows, this.#restingQueues());
    const { rows } = batch;
    const readAt = performance.now();
    let outcomes: Outcome[];
    try {
      outcomes = await this.#send(rows);
    } catch (error) {
      await batch.abandon();
      throw error;
    }
    const sentAt = performance.now();
    if (outcomes.every(({ kind }) => kind === "left")) await batch.abandon();
    else await batch.end(outcomes);
    this.#lastSuccessAt = Date.now();
    if (rows.length > 0) this.#report(rows, outcomes, sentAt - readAt);
    await this.#clean();
    return rows.length;
  }

  /** Enqueues the rows of all queues at the same time. Returns an outcome per row. */
  async #send(rows: readonly PendingRow[]): Promise<Outcome[]> {
    const outcomes = new Array<Outcome>(rows.length);
    const byQueue = new Map<string, { tasks: NewTask[]; places: number[] }>();
    for (const [place, row] of rows.entries()) {
      try {
        const task = taskOf(row);
        const own = byQueue.get(row.queue) ?? { tasks: [], places: [] };
        own.tasks.push(task);
        own.places.push(place);
        byQueue.set(row.queue, own);
      } catch (error) {
        outcomes[place] = refusal(new HoldfastError("invalid_argument", `options: ${String(error)}`));
      }
    }
    const send = async (name: string, { tasks, places }: { tasks: NewTask[]; places: number[] }) => {
      const results = await this.#enqueue(name, tasks);
      for (const [i, place] of places.entries())
        outcomes[place] = outcomeOf(results[i] as EnqueueResult, (rows[place] as PendingRow).tries);
      this.#rest(
        name,
        places.map((place) => outcomes[place] as Outcome),
      );
    };
    await Promise.all([...byQueue].map(([name, own]) => send(name, own)));
    return outcomes;
  }

  async #enqueue(name: string, tasks: NewTask[]): Promise<EnqueueResult[]> {
    try {
      let queue = this.#queues.get(name);
      if (queue === undefined) {
        queue = new Queue(name, { client: this.#client });
        this.#queues.set(name, queue);
      }
      return await queue.enqueueMany(tasks);
    } catch (thrown) {
      const error =
        thrown instanceof HoldfastError
          ? thrown
          : new HoldfastError("internal", String(thrown), { cause: thrown });
      return tasks.map(({ id = null }) => ({ ok: false, id, error }));
    }
  }

  /** Pauses a queue that accepted no task. Each further pause is longer than the one before. */
  #rest(name: string, outcomes: readonly Outcome[]): void {
    const left = outcomes.find(({ kind }) => kind === "left");
    if (left?.kind !== "left") {
      this.#resting.delete(name);
      return;
    }
    const before = outcomes.some(({ kind }) => kind === "sent") ? undefined : this.#resting.get(name);
    const ms = Math.min(before === undefined ? FIRST_BACKOFF_MS : before.ms * 2, LONGEST_BACKOFF_MS);
    this.#resting.set(name, { until: performance.now() + ms, ms });
    this.#tell("error", left.error);
  }

  #restingQueues(): string[] {
    const now = performance.now();
    return [...this.#resting].filter(([, { until }]) => until > now).map(([name]) => name);
  }

  #report(rows: readonly PendingRow[], outcomes: readonly Outcome[], sendMs: number): void {
    const event: RelayedEvent = { sent: 0, found: 0, merged: 0, postponed: 0, lagsMs: [] };
    for (const [place, outcome] of outcomes.entries()) {
      const { id, queue, type, ageMs } = rows[place] as PendingRow;
      if (outcome.kind === "sent") {
        event.sent++;
        if (outcome.found) event.found++;
        if (outcome.taskId !== null) event.merged++;
        event.lagsMs.push(ageMs + sendMs);
      } else if (outcome.kind === "refused")
        this.#tell("refused", { id, queue, type, error: outcome.error, refusedAt: Date.now() });
      else event.postponed++;
    }
    this.#tell("relayed", event);
  }

  /** Deletes rows that were sent long enough ago. */
  async #clean(): Promise<void> {
    if (performance.now() < this.#cleanNextAt) return;
    const deleted = await this.#table.clean(this.#keepMs, CLEANED_ROWS);
    this.#cleanNextAt = performance.now() + (deleted < CLEANED_ROWS ? CLEAN_EVERY_MS : 0);
  }

  /** Emits an event. An error of a listener does not end the relay. */
  #tell<Name extends keyof OutboxRelayEvents>(name: Name, ...values: OutboxRelayEvents[Name]): void {
    if (this.listenerCount(name) === 0) return;
    try {
      (this as EventEmitter).emit(name, ...values);
    } catch (error) {
      process.emitWarning(`a listener of the relay has thrown: ${String(error)}`, "HoldfastWarning");
    }
  }
}

const refusal = ({ code, message }: HoldfastError): Outcome => ({
  kind: "refused",
  code,
  error: `${code}: ${message}`,
});

function whole(name: string, value: number, from: number, to: number): number {
  if (Number.isSafeInteger(value) && value >= from && value <= to) return value;
  throw new HoldfastError(
    "invalid_argument",
    `${name} has to be a whole number from ${from} to ${to}, got ${String(value)}`,
  );
}
