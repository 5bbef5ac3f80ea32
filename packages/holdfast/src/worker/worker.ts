import { HoldfastError } from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import { Grace, type StopOptions, stopShape } from "../grace.ts";
import { Janitor } from "../janitor/janitor.ts";
import { whole } from "../options/kinds.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import { Connection } from "../redis/connection.ts";
import { SafeEmitter } from "../safe-emitter.ts";
import { guardedTracing } from "../tracing/guarded.ts";
import { warn } from "../user-code.ts";
import { slotsForBatches } from "./batch.ts";
import type { Handlers } from "./handler.ts";
import { checkHandlers } from "./handler-options.ts";
import { HandlerTable } from "./handler-table.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LeaseTable, monotonicMs } from "./lease-table.ts";
import { type Middleware, MiddlewareChain } from "./middleware.ts";
import { maxParts, PartRunners } from "./part-runners.ts";
import { Reports } from "./reports.ts";
import { Runners } from "./runners.ts";
import { Slots } from "./slots.ts";
import type { WorkerEvents } from "./worker-events.ts";
import { type WorkerOptions, workerSettings } from "./worker-options.ts";

const DEFAULT_GRACE_MS = 25_000;
const RELEASE_MS = 3_000;
/**
 * How long a stop waits for the heartbeat thread if Redis cannot be reached, ms. The time is short because the thread
 * cannot deregister the worker without Redis anyway.
 */
const AWAY_MS = 100;
// This number also stands in lua/lib/push.lua, and the two have to be equal.
const PUSH_TASKS = 32;

/** Runs the tasks of one or more queues, and of all their partitions. */
export class Worker extends SafeEmitter<WorkerEvents> {
  /** The id of the worker in the registry. */
  readonly id: string;
  readonly #client: Holdfast;
  readonly #listener: Connection;
  readonly #slots: Slots;
  readonly #table: LeaseTable;
  readonly #runners: Runners;
  readonly #parts: PartRunners;
  readonly #heartbeat: Heartbeat;
  readonly #reports: Reports;
  readonly #janitor: Janitor | undefined;
  readonly #middleware = new MiddlewareChain();
  readonly #maxConcurrency: number;
  readonly #watchMs: number;
  #draining = false;
  #paused = false;
  /** Whether the leases of the worker are renewed. */
  #beating = true;
  #starting: Promise<void> | undefined;
  #started = false;
  #stopped: Promise<void> | undefined;
  readonly #grace = new Grace();

  /**
   * @param queues a name, several names, or names with weights: while several queues have waiting tasks, each gets its
   * share of the slots
   * @param handlers by task type
   * @throws HoldfastError invalid_argument, invalid_queue_name, invalid_task_type
   */
  constructor(
    queues: string | readonly string[] | Readonly<Record<string, number>>,
    handlers: Handlers,
    options: WorkerOptions,
  ) {
    super("the worker");
    checkHandlers(handlers);
    const settings = workerSettings(queues, options, slotsForBatches(handlers, options?.concurrency));
    const { weights, maxConcurrency, leaseMs, maxRetries, prefix } = settings;
    this.id = settings.id;
    this.#maxConcurrency = maxConcurrency;
    this.#watchMs = settings.watchMs;
    const { redis, onScript, backoff, isFailure, abortAtExpiry } = options;
    // The workers of a process share two connections: one for the commands of workers and queues, and one that listens.
    this.#client = clientOf({ redis, prefix, onScript }).client;
    const { connection } = this.#client;
    this.#listener = new Connection(redis, { name: "holdfast-wake", share: true });
    this.#reports = new Reports(this.id, this, connection);
    this.#slots = new Slots(settings.concurrency);
    // Room for the tasks that run, wait for a slot, or have sent their verdict, and for the tasks that Redis may push
    // to each part of a queue while other tasks fill the slots.
    this.#table = new LeaseTable(maxConcurrency * 2 + 1_024 + maxParts(weights.length) * PUSH_TASKS);
    this.#table.slots = settings.concurrency;
    const table = new HandlerTable(
      handlers,
      { maxRetries, backoff, isFailure, abortAtExpiry },
      (rule) => this.#runners.roomCame(rule),
      () => this.#slots.total,
    );
    const tracing = options.tracing && guardedTracing(options.tracing, (error) => this.emit("error", error));
    this.#runners = new Runners(this.#slots);
    this.#parts = new PartRunners({
      client: this.#client,
      listener: this.#listener,
      queues: weights,
      isStrict: settings.isStrict,
      runners: this.#runners,
      reports: this.#reports,
      runner: {
        ...settings.runner,
        ...{ tracing, slots: this.#slots, table: this.#table, handlers: table, middleware: this.#middleware },
        version: settings.entry.version,
      },
      drains: () => !this.#started || this.#rests || !this.#beating || this.#stopped !== undefined,
      onParts: (parts, queues) => this.#heartbeat.setParts(parts, queues),
    });
    if (options.janitor) {
      this.#janitor = new Janitor({ redis, prefix, onScript });
      this.#janitor.on("error", (error) => this.emit("error", error));
    }
    this.#heartbeat = new Heartbeat(
      {
        table: this.#table.buffer,
        redis: this.#client.connection.redis,
        prefix,
        parts: [],
        leaseMs,
        maxRetries,
        worker: { ...settings.entry, types: [...table.rules] },
      },
      {
        onLease: (what, index, version) => this.#runners.leaseChanged(what, index, version),
        onRenewal: (outcome, count) => {
          // While one long task fills all slots, or the worker makes room, it does not poll. A renewed lease then shows
          // that Redis answers.
          if (outcome === "renewed") this.#reports.lastTurnMs = monotonicMs();
          this.emit("renewal", { outcome, count });
        },
        onRegistered: (draining) => this.#told(draining),
        onBeating: (beating) => {
          this.#beating = beating;
          // Without heartbeats the worker acquires no task, because a task that outlives its lease would run twice.
          this.#parts.drain();
        },
        onLost: (error) => this.#lostHeartbeat(error, leaseMs),
        onError: (error) => this.emit("error", error),
      },
    );
  }

  /** Whether an operator told this worker to drain. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Whether the worker was paused with `pause()`. */
  get paused(): boolean {
    return this.#paused;
  }

  get #rests(): boolean {
    return this.#draining || this.#paused;
  }

  /** How many tasks the worker may run at the same time. */
  get slots(): number {
    return this.#slots.total;
  }

  /** How many tasks the worker holds now. */
  get busy(): number {
    return this.#slots.held;
  }

  /**
   * The time since Redis last answered an acquire, settle or heartbeat, ms; Infinity before the first answer. If slots
   * are free, the value is the one of the queue that has waited longest for an answer.
   */
  lastGoodPollAgeMs(): number {
    const ageMs = monotonicMs() - this.#reports.lastTurnMs;
    return this.#rests ? ageMs : Math.max(ageMs, this.#runners.oldestAnswerAgeMs());
  }

  /**
   * How long a slot has been free although a queue was neither asleep (at most `pollMs`) nor waiting for Redis, ms.
   * More than a moment means that the worker is broken: restart it.
   */
  stalledMs(): number {
    const acquires = this.#started && this.#beating && !this.#rests && !this.#stopped;
    return acquires ? this.#runners.stalledMs() : 0;
  }

  /**
   * Adds a middleware. It runs around the handler of each attempt that begins later, inside the middleware that was
   * added earlier. @throws HoldfastError invalid_argument
   */
  use(middleware: Middleware): this {
    this.#middleware.use(middleware);
    return this;
  }

  /**
   * Adds a queue. If the worker runs, resolves when it acquires tasks of the queue. In strict order the queue is the last
   * one. There is room for 256 queues and partitions beside the first queues; a removed queue keeps its room.
   * @param weight as in the constructor, 1 to 1_000 @default 1
   * @throws HoldfastError invalid_queue_name, invalid_argument, closed, redis_*. The queue is not added then
   */
  async addQueue(queue: string, weight?: number): Promise<void> {
    if (this.#stopped) throw stoppedError();
    await this.#parts.addQueue(queue, weight, this.#starting !== undefined);
  }

  /**
   * Removes a queue: the worker acquires no more of its tasks, and those that run continue to their end.
   * @throws HoldfastError invalid_argument if the worker does not have the queue, or has no other one
   */
  removeQueue(queue: string): void {
    this.#parts.removeQueue(queue);
  }

  /**
   * Changes how many tasks the worker runs at the same time, 1 to `maxConcurrency`. If more tasks run at present, they
   * are not stopped, but no task begins until enough of them have ended.
   * @throws HoldfastError invalid_argument
   */
  setConcurrency(concurrency: number): void {
    const kind = whole(1, this.#maxConcurrency);
    const wants = `${kind.wants} (the maxConcurrency of this worker)`;
    this.#slots.total = checkArgument("concurrency", { ...kind, wants }, concurrency);
    this.#table.slots = concurrency;
    this.#runners.changed();
  }

  /**
   * Stops acquiring until `resume()`, before or after `start()`. Hands back the tasks that have not begun. Running tasks
   * continue, with their leases renewed. Other workers are not affected. Idempotent.
   */
  pause(): void {
    this.#setPaused(true);
  }

  /** Ends a pause. If an operator told the worker to drain, it still acquires no tasks. Idempotent. */
  resume(): void {
    this.#setPaused(false);
  }

  #setPaused(paused: boolean): void {
    if (this.#paused === paused || this.#stopped) return;
    this.#paused = paused;
    this.#changeRest();
  }

  #changeRest(): void {
    this.#table.state = this.#draining ? "draining" : this.#paused ? "paused" : "running";
    this.#parts.drain();
  }

  /**
   * Connects, runs the boot checks and begins to acquire. Resolves with the worker, so that one line makes and starts
   * it.
   * @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported; heartbeat_failed if the heartbeat thread
   * does not start. After these errors `start` can be called again. closed if the worker was stopped before or
   * meanwhile
   */
  async start(): Promise<this> {
    if (this.#stopped) throw stoppedError();
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      // If a stop interrupted the call, the error was not caused by Redis.
      throw this.#stopped ? stoppedError() : error;
    });
    await this.#starting;
    return this;
  }

  async #start(): Promise<void> {
    await this.#client.check();
    await this.#parts.look();
    if (this.#stopped) throw stoppedError();
    await this.#janitor?.start();
    await this.#heartbeat.start();
    if (this.#stopped) throw stoppedError();
    this.#started = true;
    this.#parts.drain();
    this.#parts.watch(this.#watchMs, (error) => {
      if (!this.#stopped) this.emit("error", error);
    });
  }

  /**
   * Stops acquiring, lets running tasks end within the grace, and hands the others back with their attempts refunded.
   * If Redis does not answer, handing back takes up to 3 s more. If Redis cannot be reached, nothing is handed back,
   * and the leases expire. Idempotent; a later call can shorten the grace.
   * @throws HoldfastError invalid_argument
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkShape(stopShape, options);
    this.#grace.shorten(options.graceMs ?? DEFAULT_GRACE_MS);
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#parts.stopAcquiring();
    const swept = this.#janitor?.stop({ graceMs: RELEASE_MS });
    const starting = this.#starting;
    const isAway = () => !this.#client.connection.isReady;
    let handover: Grace | undefined;
    if (this.#started) {
      this.#table.state = "draining";
      // If Redis cannot be reached, the stop does not wait for the verdicts that were not sent.
      await this.#grace.until(() => this.#runners.quiet || (isAway() && this.#slots.held === 0));
      for (const runner of this.#runners.all) runner.held.releaseAll();
      // All remaining writes to Redis share this time.
      handover = new Grace(RELEASE_MS);
      await handover.until(() => this.#runners.quiet || isAway());
      if (!isAway()) await handover.orEnd(this.#parts.writeTimings(true));
    }
    this.#table.state = "stopped";
    // The heartbeat thread may still be starting.
    await this.#heartbeat.stop(isAway() ? AWAY_MS : handover?.leftMs);
    this.#parts.close();
    if (!isAway()) await handover?.orEnd(this.#reports.drain());
    handover?.end();
    this.#grace.end();
    await swept;
    await this.#listener.close();
    await this.#client.close();
    await starting?.catch(() => {});
    await this.#parts.looked();
    this.#parts.close();
  }

  /** Called when a heartbeat has read whether an operator told the worker to drain. */
  #told(draining: boolean): void {
    // A worker that drains or is paused does not poll. The answer to the heartbeat shows that Redis answers.
    if (draining || this.#paused) this.#reports.lastTurnMs = monotonicMs();
    if (this.#draining === draining || this.#stopped) return;
    this.#draining = draining;
    this.#changeRest();
    this.emit("drain", { draining });
  }

  #lostHeartbeat(cause: HoldfastError, leaseMs: number): void {
    const message = `${cause.message}. The heartbeat thread ended too often, so this worker stops: its leases are no longer renewed`;
    const error = new HoldfastError("heartbeat_failed", message, { cause });
    if (!this.emit("error", error)) warn(error);
    // The leases are still valid for at least this long, because the last heartbeat is at most a third of a lease old.
    void this.stop({ graceMs: Math.floor(leaseMs / 3) });
  }
}

function stoppedError(): HoldfastError {
  return new HoldfastError("closed", "this worker was stopped");
}
