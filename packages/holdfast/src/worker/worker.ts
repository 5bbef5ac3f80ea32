import { hostname } from "node:os";
import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import { Holdfast } from "../client.ts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import { decodeEnvelopeForDisplay } from "../engine/envelope.ts";
import { Grace, type StopOptions, stopShape } from "../grace.ts";
import { checkShape } from "../options/shape.ts";
import { Connection } from "../redis/connection.ts";
import { guardedTracing } from "../tracing/guarded.ts";
import { SafeEmitter, warn } from "../user-code.ts";
import { DEFAULT_BACKOFF } from "./backoff.ts";
import type { Handler, Handlers } from "./handler.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LeaseTable, monotonicMs } from "./lease-table.ts";
import { maxParts, PartRunners, type PartRunnersOptions } from "./part-runners.ts";
import { QueueRunner } from "./queue-runner.ts";
import { Runners } from "./runners.ts";
import type { RunningTask } from "./running-task.ts";
import { Slots } from "./slots.ts";
import { StaleReports } from "./stale-reports.ts";
import { settledEvent, type WorkerEvents } from "./worker-events.ts";
import { checkHandlers, newWorkerId, type WorkerOptions, weightsOf, workerShape } from "./worker-options.ts";

export type { SettledEvent, WorkerEvents } from "./worker-events.ts";
export type { WorkerOptions } from "./worker-options.ts";

const DEFAULT_GRACE_MS = 25_000;
const RELEASE_MS = 3_000;
/** How long the heartbeat thread may take to end on its own, if it has nothing to deregister. */
const AWAY_MS = 100;
const TIMINGS_MS = 1_000;
const DEFAULT_WATCH_MS = 2_000;
// As in lua/lib/push.lua.
const PUSH_TASKS = 32;

/** Runs the tasks of one or more queues, and of all their partitions. */
export class Worker extends SafeEmitter<WorkerEvents> {
  readonly id: string;
  readonly slots: number;
  readonly #client: Holdfast;
  readonly #listener: Connection;
  readonly #slots: Slots;
  readonly #table: LeaseTable;
  readonly #runners: Runners;
  readonly #parts: PartRunners;
  readonly #heartbeat: Heartbeat;
  readonly #watchMs: number;
  readonly #staleReports = new StaleReports();
  #lastTurnMs = Number.NEGATIVE_INFINITY;
  /** The same, ms since the epoch, by the clock of Redis. */
  #lastTurnAt = 0;
  #draining = false;
  /** Its leases are renewed. */
  #beating = true;
  #timingsTimer: NodeJS.Timeout | undefined;
  #watchTimer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #starting: Promise<void> | undefined;
  #started = false;
  #stopped: Promise<void> | undefined;
  readonly #grace = new Grace();

  /**
   * @param queues a name, several, or names with weights: while several have tasks waiting, each gets its share of the slots
   * @param handlers by task type
   * @throws HoldfastError invalid_argument, invalid_queue_name, invalid_task_type
   */
  constructor(
    queues: string | readonly string[] | Readonly<Record<string, number>>,
    handlers: Handlers,
    options: WorkerOptions,
  ) {
    super("the worker");
    const weights = weightsOf(queues);
    checkHandlers(handlers);
    checkShape(workerShape, options);
    const { concurrency = 50, leaseMs = 30_000, aheadMs = 5, maxRetries = 3 } = options;
    this.slots = concurrency;
    this.id = options.id ?? newWorkerId();
    this.#watchMs = options.watchMs ?? DEFAULT_WATCH_MS;
    const { redis, onScript, prefix = "queue" } = options;
    // The workers of a process share one connection for their work and one that listens, and end them with the last.
    const connection = new Connection(redis, { onScript, share: true });
    this.#client = new Holdfast({ redis, prefix }, connection);
    this.#listener = new Connection(redis, { name: "holdfast-wake", share: true });
    this.#slots = new Slots(this.slots);
    // Room for what runs, what is taken ahead, and what is on its way to Redis with a verdict; and for what is granted by push to
    // each part of a queue while others fill the slots.
    this.#table = new LeaseTable(this.slots * 2 + 1_024 + maxParts(weights.length) * PUSH_TASKS);
    const byType = new Map<string, Handler>(Object.entries(handlers));
    const types = [...byType.keys()].sort();
    const typeIndexes = new Map(types.map((type, index) => [type, index]));
    const tracing = options.tracing && guardedTracing(options.tracing, (error) => this.emit("error", error));
    this.#runners = new Runners(this.#slots);
    const make: PartRunnersOptions["make"] = ({ engine }, queue, index, weight) =>
      new QueueRunner(
        {
          ...{ engine, queue, index, weight, leaseMs, maxRetries, tracing, aheadMs },
          slots: this.#slots,
          table: this.#table,
          handlers: byType,
          backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
          pollMs: options.pollMs ?? 1_000,
          noHandlerAfterMs: options.noHandlerAfterMs ?? 86_400_000,
          workerId: this.id,
          types: typeIndexes,
        },
        {
          ...this.#runners.events,
          onSettled: (task, outcome, verdict, error) => this.#settled(task, outcome, verdict, error),
          onExpired: (id, envelope) => this.#expired(queue, id, envelope),
          onTurn: () => {
            this.#lastTurnMs = monotonicMs();
            this.#lastTurnAt = this.#client.connection.now();
          },
          onError: (error) => this.emit("error", error),
        },
      );
    this.#parts = new PartRunners({
      client: this.#client,
      listener: this.#listener,
      workerId: this.id,
      queues: weights,
      runners: this.#runners,
      make,
      drains: () => !this.#started || this.#draining || !this.#beating || this.#stopped !== undefined,
      onParts: (parts) => this.#heartbeat.setParts(parts),
    });
    this.#heartbeat = new Heartbeat(
      {
        table: this.#table.buffer,
        redis: this.#client.connection.redis,
        prefix,
        parts: [],
        leaseMs,
        maxRetries,
        worker: {
          id: this.id,
          queues: weights.map(([name]) => name),
          types,
          host: hostname(),
          pid: process.pid,
          version: options.version ?? "0.1.0",
          slots: this.slots,
          busy: 0,
          startedAt: Date.now(),
          heartbeatAt: Date.now(),
          state: "running",
        },
      },
      {
        onLease: (what, index, version) => this.#leaseChanged(what, index, version),
        onRenewal: (outcome, count) => {
          // One long task that fills or drains the worker leaves nothing to poll for: its renewals show Redis just as well.
          if (outcome === "renewed") this.#lastTurnMs = monotonicMs();
          this.emit("renewal", { outcome, count });
        },
        onRegistered: (draining) => this.#told(draining),
        onBeating: (beating) => {
          this.#beating = beating;
          // Without heartbeats nothing is acquired: a task that outlives its lease would run twice.
          this.#parts.drain();
        },
        onLost: (error) => this.#lostHeartbeat(error, leaseMs),
        onError: (error) => this.emit("error", error),
      },
    );
  }

  /** An operator has asked this worker to acquire nothing. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Tasks held now. */
  get busy(): number {
    return this.#slots.held;
  }

  /**
   * Age of the last answer from Redis to an acquire, settle or heartbeat, ms; Infinity before the first. While slots are free,
   * of the queue that has waited longest for one.
   */
  lastGoodPollAgeMs(): number {
    const ageMs = monotonicMs() - this.#lastTurnMs;
    return this.#draining ? ageMs : Math.max(ageMs, this.#runners.oldestAnswerAgeMs());
  }

  /**
   * How long a slot has been free while a queue neither slept, within its `pollMs`, nor waited for Redis, ms. More than a moment
   * is a fault of the worker: restart it.
   */
  stalledMs(): number {
    const acquires = this.#started && this.#beating && !this.#draining && !this.#stopped;
    return acquires ? this.#runners.stalledMs() : 0;
  }

  /**
   * Connects, runs the boot checks and begins to acquire.
   * @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported, heartbeat_failed (its thread does not
   * begin): the worker can be started again. closed: it was stopped, before or meanwhile
   */
  start(): Promise<void> {
    if (this.#stopped) return Promise.reject(stoppedError());
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      // A call that a stop broke off is not a fault of Redis.
      throw this.#stopped ? stoppedError() : error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    await this.#client.check();
    await this.#parts.look();
    if (this.#stopped) throw stoppedError();
    await this.#heartbeat.start();
    if (this.#stopped) throw stoppedError();
    this.#started = true;
    this.#parts.drain();
    this.#timingsTimer = setInterval(() => {
      for (const runner of this.#runners.all) void runner.writeTimings();
    }, TIMINGS_MS).unref();
    this.#watchTimer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, this.#watchMs).unref();
  }

  /** Looks up the parts of the queues again. */
  async #look(): Promise<void> {
    try {
      await this.#parts.look();
    } catch (error) {
      if (!this.#stopped) this.emit("error", asHoldfastError(error));
    }
  }

  /**
   * Stops acquiring, lets running tasks end within the grace, and hands the rest back with the attempt refunded. Handing back takes
   * up to 3 s more if Redis does not answer, and is left out if Redis cannot be reached: the leases then expire. Idempotent; a
   * later call can shorten the grace.
   * @throws HoldfastError invalid_argument
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkShape(stopShape, options);
    this.#grace.shorten(options.graceMs ?? DEFAULT_GRACE_MS);
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timingsTimer);
    clearInterval(this.#watchTimer);
    for (const runner of this.#runners.all) runner.stopAcquiring();
    const starting = this.#starting;
    const isAway = () => !this.#client.connection.isReady;
    let handover: Grace | undefined;
    if (this.#started) {
      this.#table.state = "draining";
      // Verdicts that only wait for Redis are not a reason to wait.
      await this.#grace.until(() => this.#runners.quiet || (isAway() && this.#slots.held === 0));
      for (const runner of this.#runners.all) runner.held.releaseAll();
      // One time for all that is still to be told.
      handover = new Grace(RELEASE_MS);
      await handover.until(() => this.#runners.quiet || isAway());
      if (!isAway())
        await handover.orEnd(Promise.all(this.#runners.all.map((runner) => runner.writeTimings())));
    }
    this.#table.state = "stopped";
    // It may be beginning.
    await this.#heartbeat.stop(isAway() ? AWAY_MS : handover?.leftMs);
    for (const runner of this.#runners.all) runner.close();
    if (!isAway()) await handover?.orEnd(this.#staleReports.drain());
    handover?.end();
    this.#grace.end();
    await this.#listener.close();
    await this.#client.close();
    await starting?.catch(() => {});
    await this.#looking;
    for (const runner of this.#runners.all) runner.close();
  }

  /** The wish of an operator, as the heartbeat has learned it. */
  #told(draining: boolean): void {
    // It does not poll meanwhile: that the registry answers shows Redis just as well.
    if (draining) this.#lastTurnMs = monotonicMs();
    if (this.#draining === draining || this.#stopped) return;
    this.#draining = draining;
    this.#table.state = draining ? "draining" : "running";
    this.#parts.drain();
    this.emit("drain", { draining });
  }

  #lostHeartbeat(cause: HoldfastError, leaseMs: number): void {
    const message = `${cause.message}. It ended too often, so this worker stops: its leases are no longer renewed`;
    const error = new HoldfastError("heartbeat_failed", message, { cause });
    if (!this.emit("error", error)) warn(error);
    // The leases that it holds last that long: the last heartbeat was a third of a lease ago at most.
    void this.stop({ graceMs: Math.floor(leaseMs / 3) });
  }

  #leaseChanged(what: "lost" | "cancelled", index: number, version: number): void {
    for (const runner of this.#runners.all) runner.held.leaseChanged(what, index, version);
  }

  #settled(task: RunningTask, outcome: VerdictOutcome, verdict: Verdict, error: unknown): void {
    task.span?.settled(outcome);
    if (outcome === "stale") this.#recordStale(task);
    if (this.listenerCount("settled") === 0) return;
    const clocks = { turnMs: this.#lastTurnMs, turnAt: this.#lastTurnAt };
    this.emit("settled", settledEvent(task, outcome, verdict, error, clocks));
  }

  #recordStale({ id, token, attempt, type, queue, engine }: RunningTask): void {
    this.#staleReports.add(
      engine,
      { id, queue, token, attempt, type, workerId: this.id },
      (verdict) => this.emit("stale", verdict),
      (error) => this.emit("error", asHoldfastError(error)),
    );
  }

  #expired(queue: string, id: string, envelope: string): void {
    const { type, enqueuedAt } = decodeEnvelopeForDisplay(envelope);
    const waitMs = Math.max(0, this.#client.connection.now() - enqueuedAt);
    this.emit("settled", {
      task: { id, type, queue, enqueuedAt },
      outcome: "expired",
      attempt: 0,
      waitMs,
      runMs: 0,
    });
  }
}

function stoppedError(): HoldfastError {
  return new HoldfastError("closed", "this worker was stopped");
}
