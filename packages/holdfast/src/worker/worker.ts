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
import { oldestAnswerAgeMs, stalledMs } from "./liveness.ts";
import { type Middleware, MiddlewareChain } from "./middleware.ts";
import { maxParts, PartRunners } from "./part-runners.ts";
import { Reports } from "./reports.ts";
import { Runners } from "./runners.ts";
import { Slots } from "./slots.ts";
import type { WorkerEvents } from "./worker-events.ts";
import { type WorkerOptions, workerSettings } from "./worker-options.ts";

const DEFAULT_GRACE_MS = 25_000;
const RELEASE_MS = 3_000;
// How long a stop waits for the heartbeat thread if Redis is down, ms: the thread cannot write its last entry then.
const AWAY_MS = 100;
// The most tasks in one push. It has to be the same number as in lua/lib/push.lua.
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
  /** Whether the heartbeat thread renews the leases. */
  #beating = true;
  #starting: Promise<void> | undefined;
  #started = false;
  #stopped: Promise<void> | undefined;
  readonly #grace = new Grace();

  /**
   * @param queues a name, several names, or names with weights: queues with waiting tasks share the slots by weight
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
    // All workers of a process share two connections: one for commands, and one for the messages of Redis.
    this.#client = clientOf({ redis, prefix, onScript }).client;
    const { connection } = this.#client;
    this.#listener = new Connection(redis, { name: "holdfast-wake", share: true });
    this.#reports = new Reports(this.id, this, connection);
    this.#slots = new Slots(settings.concurrency);
    // Room for all tasks that the worker holds: they run, wait for a slot, or were sent to be settled. And room for the
    // tasks that Redis may push to each queue or partition while all slots are in use.
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
          // A worker whose slots are all in use does not poll. The renewed lease shows that Redis answers.
          if (outcome === "renewed") this.#reports.lastTurnMs = monotonicMs();
          this.emit("renewal", { outcome, count });
        },
        onRegistered: (draining) => this.#told(draining),
        onBeating: (beating) => {
          this.#beating = beating;
          // Without heartbeats the worker acquires no tasks, because a task that outlives its lease would run twice.
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

  /** Whether `pause()` was called. */
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

  /** How many tasks the worker holds: tasks that run, wait for a slot, or are not settled yet. */
  get busy(): number {
    return this.#slots.held;
  }

  /**
   * The time since Redis last answered an acquire, settle or heartbeat, ms; Infinity before the first answer. If slots
   * are free, it is the time of the queue that has waited longest.
   */
  lastGoodPollAgeMs(): number {
    const ageMs = monotonicMs() - this.#reports.lastTurnMs;
    return this.#rests ? ageMs : Math.max(ageMs, oldestAnswerAgeMs(this.#runners.all, this.#slots));
  }

  /**
   * How long a slot has been free while a queue was neither asleep (at most `pollMs`) nor waiting for Redis, ms. More
   * than a moment means that the worker is broken: restart it.
   */
  stalledMs(): number {
    const acquires = this.#started && this.#beating && !this.#rests && !this.#stopped;
    return acquires ? stalledMs(this.#runners.all, this.#slots) : 0;
  }

  /**
   * Adds a middleware inside the earlier ones. It runs around the handler of every attempt that begins later.
   * @throws HoldfastError invalid_argument
   */
  use(middleware: Middleware): this {
    this.#middleware.use(middleware);
    return this;
  }

  /**
   * Adds a queue. If the worker runs, the promise resolves when the worker acquires tasks of the queue. In strict order
   * the queue becomes the last one. A worker has room for 256 more queues and partitions than it began with, and
   * removed ones count.
   * @param weight as in the constructor, 1 to 1_000 @default 1
   * @throws HoldfastError invalid_queue_name, invalid_argument, closed, redis_*. The queue is not added then
   */
  async addQueue(queue: string, weight?: number): Promise<void> {
    if (this.#stopped) throw stoppedError();
    await this.#parts.addQueue(queue, weight, this.#starting !== undefined);
  }

  /**
   * Removes a queue: the worker acquires no more of its tasks. Those that run continue.
   * @throws HoldfastError invalid_argument if the worker does not have the queue, or has no other one
   */
  removeQueue(queue: string): void {
    this.#parts.removeQueue(queue);
  }

  /**
   * Changes how many tasks the worker runs at the same time, 1 to `maxConcurrency`. If more tasks run now, they
   * continue, and no task begins until enough of them have ended.
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
   * Acquires no tasks until `resume()`, and hands back the tasks that have not begun. Running tasks continue, and their
   * leases are renewed. Other workers are not affected. May be called before `start()`, and several times.
   */
  pause(): void {
    this.#setPaused(true);
  }

  /** Ends a pause. If an operator told the worker to drain, it still acquires no tasks. May be called several times. */
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
   * Connects, checks Redis and begins to acquire tasks. Resolves with the worker, so that one line can make and start
   * it.
   * @throws HoldfastError closed if the worker was stopped before or meanwhile. After all other errors `start` can be
   * called again: redis_unavailable, redis_refused, redis_unsupported; heartbeat_failed if the heartbeat thread does
   * not start
   */
  async start(): Promise<this> {
    if (this.#stopped) throw stoppedError();
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      // A stop during the call causes other errors, so "stopped" is reported instead.
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
   * Acquires no more tasks, lets running tasks end within `graceMs`, and hands the others back with their attempts
   * refunded. If Redis does not answer, handing back takes up to 3 s more. If Redis cannot be reached, nothing is
   * handed back, and the leases expire. May be called several times; a later call can shorten the time.
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
      // If Redis cannot be reached, the stop does not wait for tasks that have ended but are not settled.
      await this.#grace.until(() => this.#runners.quiet || (isAway() && this.#slots.held === 0));
      for (const runner of this.#runners.all) runner.held.releaseAll();
      // All remaining writes to Redis together may take this long.
      handover = new Grace(RELEASE_MS);
      await handover.until(() => this.#runners.quiet || isAway());
      if (!isAway()) await handover.orEnd(this.#parts.writeTimings(true));
    }
    this.#table.state = "stopped";
    // This also works while the heartbeat thread is still starting.
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
    // A worker that drains or is paused does not poll. This answer to a heartbeat shows that Redis answers.
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
    // The last heartbeat was at most a third of `leaseMs` ago, so the leases are still valid for longer than this.
    void this.stop({ graceMs: Math.floor(leaseMs / 3) });
  }
}

function stoppedError(): HoldfastError {
  return new HoldfastError("closed", "this worker was stopped");
}
