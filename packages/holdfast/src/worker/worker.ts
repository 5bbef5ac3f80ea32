import { hostname } from "node:os";
import {
  asHoldfastError,
  type Backoff,
  type DeadReason,
  HoldfastError,
  type StaleVerdict,
} from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { Holdfast } from "../client.ts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import { decodeEnvelopeForDisplay } from "../engine/envelope.ts";
import { checkQueueName, checkTaskType, checkWorkerId } from "../engine/names.ts";
import { parseCancel, parsePush } from "../engine/push.ts";
import { Connection, type ConnectionOptions, type RedisOption } from "../redis/connection.ts";
import { queueKeys, workerChannel } from "../redis/keys.ts";
import { guardedTracing } from "../tracing/guarded.ts";
import { isSampled, traceIdOf } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { SafeEmitter } from "../user-code.ts";
import { DEFAULT_BACKOFF } from "./backoff.ts";
import type { Handler, Handlers } from "./handler.ts";
import { Heartbeat } from "./heartbeat.ts";
import { LeaseTable, monotonicMs } from "./lease-table.ts";
import { QueueRunner } from "./queue-runner.ts";
import { Runners } from "./runners.ts";
import type { RunningTask } from "./running-task.ts";
import { Slots } from "./slots.ts";
import { StaleReports } from "./stale-reports.ts";

export interface WorkerOptions {
  redis: RedisOption;
  /** First part of every key. @default "queue" */
  prefix?: string;
  /** Tasks run at the same time, 1 to 5_000. @default 50 */
  concurrency?: number;
  /** How long a task stays invisible to others without a heartbeat. Milliseconds, 300 to 3_600_000. @default 30_000 */
  leaseMs?: number;
  /** Retries of tasks that bring no number of their own, 0 to 100. @default 3 */
  maxRetries?: number;
  /** Wait before a retry, for tasks that bring none. @default exponential from 1 s to 1 h, full jitter */
  backoff?: Backoff;
  /**
   * How far ahead of its free slots a worker may take tasks: what its handlers end within so many ms, by the pace of the
   * last ones, and up to four times that behind a backlog. What is not begun soon is handed back. Milliseconds, 0 to 100;
   * 0: never. @default 5
   */
  aheadMs?: number;
  /** How often an idle queue is looked at, should a wake-up be lost. Milliseconds. @default 1_000 */
  pollMs?: number;
  /** A task whose type no worker knows for so long goes to the dead letters. Milliseconds. @default 86_400_000 */
  noHandlerAfterMs?: number;
  /**
   * Names the worker; must be unique. 1 to 128 of A-Z a-z 0-9 _ . : @ -.
   * @default host, process id and a random part
   */
  id?: string;
  /** Shown in the worker registry. */
  version?: string;
  onScript?: ConnectionOptions["onScript"];
  /** Where the spans of attempts go. @default nowhere */
  tracing?: Tracing | undefined;
}

export interface SettledEvent {
  task: { id: string; type: string; queue: string; enqueuedAt: number };
  outcome: VerdictOutcome | "expired";
  attempt: number;
  /** From the enqueue to the grant, ms: by two clocks, so a little off. */
  waitMs: number;
  runMs: number;
  /** Its trace, where that is kept. */
  traceId?: string;
  error?: unknown;
  /** With outcome "dead". */
  deadReason?: DeadReason;
}

/** What a verdict means where it ended the task. */
const DEAD_REASONS: Record<Verdict["kind"], DeadReason> = {
  ack: "retries_exhausted",
  fail: "retries_exhausted",
  fatal: "fatal",
  quarantine: "undecodable",
  release: "releases_exhausted",
  unstarted: "releases_exhausted",
  unrouted: "no_handler",
};

export interface WorkerEvents {
  /** An attempt is over and Redis confirmed it. */
  settled: [SettledEvent];
  /** A verdict came too late, and the ledger has it: once it was written, after "settled". */
  stale: [StaleVerdict];
  /** Something went wrong that the worker goes on with. */
  error: [HoldfastError];
  /** An operator told it to drain, or to go on. What it had taken ahead is handed back, what runs ends. */
  drain: [{ draining: boolean }];
  renewal: [{ outcome: "renewed" | "lost" | "cancelled"; count: number }];
}

const DEFAULT_GRACE_MS = 25_000;
const RELEASE_MS = 3_000;
const TIMINGS_MS = 1_000;
// As in lua/lib/push.lua.
const PUSH_TASKS = 32;

function checkRange(name: string, value: number, from: number, to: number): number {
  if (!Number.isSafeInteger(value) || value < from || value > to) {
    throw new HoldfastError(
      "invalid_argument",
      `${name} has to be a whole number from ${from} to ${to}, got ${value}`,
    );
  }
  return value;
}

function weightsOf(
  queues: string | readonly string[] | Readonly<Record<string, number>>,
): [string, number][] {
  const pairs: [string, number][] =
    typeof queues === "string"
      ? [[queues, 1]]
      : Array.isArray(queues)
        ? queues.map((name) => [name, 1])
        : Object.entries(queues as Record<string, number>);
  if (pairs.length === 0) throw new HoldfastError("invalid_argument", "a worker needs at least one queue");
  for (const [name, weight] of pairs) {
    checkQueueName(name);
    checkRange(`the weight of queue "${name}"`, weight, 1, 1_000);
  }
  return pairs;
}

/** Runs the tasks of one or more queues. */
export class Worker extends SafeEmitter<WorkerEvents> {
  readonly id: string;
  readonly slots: number;
  readonly #client: Holdfast;
  readonly #listener: Connection;
  readonly #slots: Slots;
  readonly #table: LeaseTable;
  readonly #runners: Runners;
  readonly #heartbeat: Heartbeat;
  readonly #queues: string[];
  readonly #prefix: string;
  readonly #staleReports = new StaleReports();
  #lastTurnMs = Number.NEGATIVE_INFINITY;
  /** The same, ms since the epoch, by the clock of Redis. */
  #lastTurnAt = 0;
  #draining = false;
  #timingsTimer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #started = false;
  #stopped: Promise<void> | undefined;

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
    this.slots = checkRange("concurrency", options.concurrency ?? 50, 1, 5_000);
    const leaseMs = checkRange("leaseMs", options.leaseMs ?? 30_000, 300, 3_600_000);
    const aheadMs = checkRange("aheadMs", options.aheadMs ?? 5, 0, 100);
    const maxRetries = checkRange("maxRetries", options.maxRetries ?? 3, 0, 100);
    this.id = checkWorkerId(
      options.id ??
        `${hostname()
          .slice(0, 40)
          .replaceAll(/[^A-Za-z0-9_.-]/g, "-")}-${process.pid}-${nanoid(6)}`,
    );
    this.#prefix = options.prefix ?? "queue";
    this.#client = new Holdfast({ redis: options.redis, prefix: this.#prefix, onScript: options.onScript });
    this.#listener = new Connection(options.redis, { name: "holdfast-wake" });
    this.#slots = new Slots(this.slots);
    // Room for what runs, what is taken ahead, and what is on its way to Redis with a verdict; and for what is granted by push to
    // each queue while others fill the slots.
    const pushed = weights.length > 1 ? weights.length * PUSH_TASKS : 0;
    this.#table = new LeaseTable(this.slots * 2 + 1_024 + pushed);
    this.#queues = weights.map(([name]) => name);
    const byType = new Map<string, Handler>(Object.entries(handlers));
    const types = [...byType.keys()].map(checkTaskType).sort();
    const typeIndexes = new Map(types.map((type, index) => [type, index]));
    this.#runners = new Runners(this.#slots);
    this.#runners.all.push(
      ...weights.map(
        ([name, weight], index) =>
          new QueueRunner(
            {
              engine: this.#client.engine(name),
              index,
              weight,
              slots: this.#slots,
              table: this.#table,
              handlers: byType,
              leaseMs,
              maxRetries,
              backoff: { ...DEFAULT_BACKOFF, ...options.backoff },
              pollMs: options.pollMs ?? 1_000,
              noHandlerAfterMs: options.noHandlerAfterMs ?? 86_400_000,
              workerId: this.id,
              types: typeIndexes,
              tracing:
                options.tracing && guardedTracing(options.tracing, (error) => this.emit("error", error)),
              aheadMs,
            },
            {
              ...this.#runners.events,
              onSettled: (task, outcome, verdict, error) => this.#settled(task, outcome, verdict, error),
              onExpired: (queue, id, envelope) => this.#expired(queue, id, envelope),
              onTurn: () => {
                this.#lastTurnMs = monotonicMs();
                this.#lastTurnAt = this.#client.connection.now();
              },
              onError: (error) => this.emit("error", error),
            },
          ),
      ),
    );
    this.#heartbeat = new Heartbeat(
      {
        table: this.#table.buffer,
        redis: this.#client.connection.redis,
        prefix: this.#prefix,
        queues: this.#queues,
        leaseMs,
        maxRetries,
        worker: {
          id: this.id,
          queues: this.#queues,
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
        onError: (error) => this.emit("error", error),
      },
    );
  }

  /** An operator has told it to acquire nothing. */
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
    return this.#started && !this.#draining && !this.#stopped ? this.#runners.stalledMs() : 0;
  }

  /**
   * Connects, runs the boot checks and begins to acquire.
   * @throws HoldfastError redis_unavailable, redis_unsupported: the worker can be started again
   */
  start(): Promise<void> {
    if (this.#stopped) return Promise.reject(new HoldfastError("closed", "this worker was stopped"));
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    await this.#client.check();
    for (const queue of this.#queues) await this.#client.engine(queue).open();
    const channels = new Map(
      this.#queues.flatMap((queue, i) => {
        const { wake } = queueKeys(this.#prefix, queue);
        // The first is for all workers, the second for what is granted to this one.
        return [wake, workerChannel(wake, this.id)].map(
          (channel) => [channel, this.#runners.all[i]] as const,
        );
      }),
    );
    await this.#listener.listen([...channels.keys()], (channel, message) => {
      const runner = channels.get(channel);
      const push = parsePush(message);
      const cancel = push ? null : parseCancel(message);
      if (push) runner?.granted(push);
      else if (cancel) runner?.cancelRequested(cancel.id, cancel.fence);
      else runner?.wake();
    });
    this.#started = true;
    await this.#heartbeat.start();
    if (this.#stopped) return;
    for (const runner of this.#runners.all) runner.schedule();
    this.#timingsTimer = setInterval(() => {
      for (const runner of this.#runners.all) void runner.writeTimings();
    }, TIMINGS_MS).unref();
  }

  /**
   * Stops acquiring, lets what runs end within the grace, and hands the rest back with the attempt refunded. Idempotent.
   * @param options.graceMs @default 25_000
   */
  stop(options: { graceMs?: number } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.graceMs ?? DEFAULT_GRACE_MS);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<void> {
    clearInterval(this.#timingsTimer);
    for (const runner of this.#runners.all) runner.stopAcquiring();
    if (this.#started) {
      this.#table.state = "draining";
      const quiet = () => this.#runners.quiet;
      await waitUntil(quiet, graceMs);
      for (const runner of this.#runners.all) runner.releaseAll();
      await waitUntil(quiet, RELEASE_MS);
      await Promise.race([
        Promise.all(this.#runners.all.map((runner) => runner.writeTimings())),
        new Promise((resolve) => setTimeout(resolve, RELEASE_MS).unref()),
      ]);
      this.#table.state = "stopped";
      await this.#heartbeat.stop();
    }
    for (const runner of this.#runners.all) runner.close();
    await Promise.race([
      this.#staleReports.drain(),
      new Promise((resolve) => setTimeout(resolve, RELEASE_MS).unref()),
    ]);
    await this.#listener.close();
    await this.#client.close();
  }

  /** What an operator wants of it, as its heartbeat has learned. */
  #told(draining: boolean): void {
    // It does not poll meanwhile: that the registry answers shows Redis just as well.
    if (draining) this.#lastTurnMs = monotonicMs();
    if (this.#draining === draining || this.#stopped) return;
    this.#draining = draining;
    this.#table.state = draining ? "draining" : "running";
    for (const runner of this.#runners.all) runner.drain(draining);
    this.emit("drain", { draining });
  }

  #leaseChanged(what: "lost" | "cancelled", index: number, version: number): void {
    for (const runner of this.#runners.all) runner.leaseChanged(what, index, version);
  }

  #settled(task: RunningTask, outcome: VerdictOutcome, verdict: Verdict, error: unknown): void {
    task.span?.settled(outcome);
    if (outcome === "stale") this.#recordStale(task);
    if (this.listenerCount("settled") === 0) return;
    const { id, type, queue, enqueuedAt, attempt, traceparent } = task;
    // By the clocks of the answer that settled it: those that it settled with have the same.
    const runMs = this.#lastTurnMs - task.startedAtMs;
    const waitMs = Math.max(0, this.#lastTurnAt - runMs - enqueuedAt);
    const settled: SettledEvent = { task: { id, type, queue, enqueuedAt }, outcome, attempt, waitMs, runMs };
    if (traceparent !== null && isSampled(traceparent)) settled.traceId = traceIdOf(traceparent);
    if (outcome === "dead") settled.deadReason = DEAD_REASONS[verdict.kind];
    if (error !== undefined) settled.error = error;
    this.emit("settled", settled);
  }

  #recordStale({ id, token, attempt, type, queue }: RunningTask): void {
    this.#staleReports.add(
      this.#client.engine(queue),
      { id, token, attempt, type, workerId: this.id },
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

const POLL_STEP_MS = 10;

async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_STEP_MS));
  }
}
