import { hostname } from "node:os";
import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { Holdfast } from "../client.ts";
import { prefixKind, redisHints, redisKind } from "../client-options.ts";
import { AUDIT_LOG_MAX } from "../engine/action-log.ts";
import { type AuditReport, AuditWalk, auditQueue } from "../engine/audit.ts";
import type { Engine } from "../engine/engine.ts";
import { checkQueueName, queueOfPartition } from "../engine/names.ts";
import type { WorkerEntry } from "../engine/registry.ts";
import { Grace, type StopOptions, stopShape } from "../grace.ts";
import { callback, isText, listOf, MAX_TIMER_MS, whole, yesNo } from "../options/kinds.ts";
import { checkShape, shapeOf } from "../options/shape.ts";
import { partitionNames } from "../partitions/partition-names.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import type { ConnectionOptions } from "../redis/connection.ts";
import type { RedisOption } from "../redis/settings.ts";
import { ScheduleFiring, type ScheduleRunEvent } from "../schedules/firing.ts";
import { SafeEmitter } from "../user-code.ts";
import { RewindDetector, type RewoundEvent } from "./rewind.ts";

export interface JanitorOptions {
  redis: RedisOption;
  /** First part of every key. @default "queue" */
  prefix?: string | undefined;
  /** Longest sleep between two sweeps. Milliseconds, 10 to 60_000. @default 1_000 */
  sweepIntervalMs?: number | undefined;
  /** How often each queue is audited; 0 for never (but after a rewind). Milliseconds, 0 to 2_147_483_647. @default 60_000 */
  auditIntervalMs?: number | undefined;
  /** Entries that one audit looks at before the next goes on from there. 1 to 10_000_000. @default 10_000 */
  auditBudget?: number | undefined;
  /** Records of operator actions that are kept, 1_000 to 10_000_000; the oldest beyond it go. @default 100_000 */
  auditLogMax?: number | undefined;
  /** @default every queue that is registered */
  queues?: string[] | undefined;
  /** Enqueue what schedules have due. @default true */
  schedules?: boolean | undefined;
  /** The clock by which schedules are due, ms since the epoch; for tests. @default Redis time */
  clockMs?: (() => number) | undefined;
  onScript?: ConnectionOptions["onScript"] | undefined;
}

export const janitorShape = shapeOf<JanitorOptions>({
  what: "a janitor",
  title: "Janitor",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: {
    redis: redisKind,
    prefix: prefixKind,
    sweepIntervalMs: whole(10, 60_000),
    auditIntervalMs: whole(0, MAX_TIMER_MS),
    auditBudget: whole(1, 10_000_000),
    auditLogMax: whole(1_000, 10_000_000),
    queues: listOf({ wants: "a name", is: isText }, "a list of names of queues", 0, 100_000),
    schedules: yesNo,
    clockMs: callback,
    onScript: callback,
  },
  hints: {
    ...redisHints,
    interval: "sweepIntervalMs",
    intervalMs: "sweepIntervalMs",
    stalledInterval: "sweepIntervalMs",
    client: "a janitor has a connection of its own: give redis, and prefix where the client has one",
  },
  required: ["redis"],
});

export interface SweptEvent {
  queue: string;
  promoted: number;
  reaped: { requeued: number; dead: number; cancelled: number };
  /** Dead letters of tasks that no registered worker has a handler for. */
  rejected: number;
  /** Tasks whose `expiresAt` passed while no worker took them. */
  expired: number;
  purged: number;
  /** Remembered ids and request records that were dropped. */
  forgotten: number;
}

export interface JanitorEvents {
  swept: [SweptEvent];
  audited: [AuditReport];
  /** An occurrence of a schedule was decided on. */
  scheduled: [ScheduleRunEvent];
  /** Redis lost writes that this janitor has seen. The audit of the queue follows at once. */
  rewound: [RewoundEvent];
  error: [HoldfastError];
}

// 200 per call keeps Redis blocked for a few milliseconds at most.
const CALL_TASKS = 200;
// A sweep of one queue gives way after so many calls, so that one queue cannot hold up the others.
const CALLS_PER_SWEEP = 50;
// An audit reads what it looks at: a step takes about ten milliseconds of Redis, and is one sweep's share.
const AUDIT_STEP = 1_000;
const AUDIT_STEP_MS = 250;
// The audit log may be so much longer than it is kept as an hour of operators makes it: no reason to look every second.
const TRIM_MS = 10_000;
const DEFAULT_GRACE_MS = 25_000;
const REQUEST_IDLE_MS = 3_600_000;
const WORKER_GONE_MS = 3_600_000;
const SOONEST_MS = 5;
// A janitor that has not looked at the schedules for so long, beside its sweep interval, does not count as running.
const SILENT_MS = 15_000;
const SHOWN_TYPES = 20;

/** The sentence of a dead letter about the registered workers. */
function knownWorkers(workers: number, types: readonly string[]): string {
  if (workers === 0) return "no worker of it is registered";
  const shown = types.slice(0, SHOWN_TYPES).join(", ");
  const more = types.length > SHOWN_TYPES ? ` and ${types.length - SHOWN_TYPES} more` : "";
  return `${workers} registered, with handlers for: ${shown === "" ? "nothing" : shown}${more}`;
}

/** Finds leases that ran out, tasks that are due, and what is past retention. Any number of janitors may run. */
export class Janitor extends SafeEmitter<JanitorEvents> {
  readonly #client: Holdfast;
  readonly #sweepIntervalMs: number;
  readonly #auditIntervalMs: number;
  readonly #queues: string[] | undefined;
  readonly #partitions: PartitionRegistry;
  readonly #auditBudget: number;
  readonly #auditLogMax: number;
  readonly #audits = new Map<string, { begunAt: number; steppedAt: number; walk: AuditWalk }>();
  // How far each queue was looked at behind the heads of its pending lists, if these are longer than a window.
  readonly #expiredUpTo = new Map<string, number>();
  readonly #rewinds = new RewindDetector();
  readonly #schedules: ScheduleFiring | undefined;
  readonly #id = `${hostname()}:${process.pid}:${nanoid(6)}`;
  #lastSuccessAt = 0;
  #trimNextAt = 0;
  #isAnnounced = false;
  #running = false;
  #stopped: Promise<void> | undefined;
  readonly #grace = new Grace();
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  /** @throws HoldfastError invalid_argument, invalid_queue_name */
  constructor(options: JanitorOptions) {
    super("the janitor");
    checkShape(janitorShape, options);
    for (const queue of options.queues ?? []) checkQueueName(queue);
    this.#sweepIntervalMs = options.sweepIntervalMs ?? 1_000;
    this.#auditIntervalMs = options.auditIntervalMs ?? 60_000;
    this.#auditBudget = options.auditBudget ?? 10_000;
    this.#auditLogMax = options.auditLogMax ?? AUDIT_LOG_MAX;
    this.#queues = options.queues;
    this.#client = new Holdfast({ redis: options.redis, prefix: options.prefix, onScript: options.onScript });
    this.#partitions = new PartitionRegistry(this.#client);
    if (options.schedules !== false) {
      this.#schedules = new ScheduleFiring({
        client: this.#client,
        onRun: (event) => this.emit("scheduled", event),
        clockMs: options.clockMs,
        announcement: { janitorId: this.#id, aliveMs: this.#sweepIntervalMs + SILENT_MS },
      });
    }
  }

  /** When a sweep of all queues last succeeded, ms since the epoch; 0 before the first. */
  lastSuccessAt(): number {
    return this.#lastSuccessAt;
  }

  /** @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported: the janitor can be started again; closed */
  async start(): Promise<void> {
    this.#assertRuns();
    if (this.#running) return;
    try {
      await this.#client.check();
    } finally {
      // The connections are closed, so errors are expected from here on.
      this.#assertRuns();
    }
    if (this.#running) return;
    this.#running = true;
    this.#loop = this.#run();
  }

  #assertRuns(): void {
    if (this.#stopped) throw new HoldfastError("closed", "this janitor was stopped");
  }

  /**
   * Ends the sweep under way after the queue that it is at, and gives up on Redis after the grace. Idempotent; a later call
   * can shorten the grace.
   * @throws HoldfastError invalid_argument
   */
  async stop(options: StopOptions = {}): Promise<void> {
    checkShape(stopShape, options);
    this.#grace.shorten(options.graceMs ?? DEFAULT_GRACE_MS);
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#running = false;
    this.#wake?.();
    void this.#grace.over.then(() => this.#client.close());
    await this.#loop;
    // If Redis is away, the entry expires on its own.
    if (this.#isAnnounced && this.#client.connection.isReady)
      await this.#grace.orEnd(this.#client.registry.removeJanitor(this.#id));
    this.#grace.end();
    await this.#client.close();
  }

  /**
   * The schedules, then one sweep over all queues.
   * @returns ms until the next occurrence comes, lease runs out or task is due, at most the sweep interval
   */
  async runOnce(): Promise<number> {
    await this.#client.check();
    const workers = await this.#client.registry.workers();
    const queues = await this.#queuesInUse(workers);
    let nextInMs = this.#sweepIntervalMs;
    let failure: unknown;
    const fired = async () => {
      this.#isAnnounced = false;
      const inMs = (await this.#schedules?.runOnce(() => this.#stopped !== undefined)) ?? -1;
      this.#isAnnounced = this.#schedules !== undefined;
      if (inMs >= 0) nextInMs = Math.min(nextInMs, inMs);
    };
    await fired().catch((error: unknown) => {
      failure = error;
    });
    const sweptFromMs = performance.now();
    for (const queue of queues) {
      if (this.#stopped) return nextInMs;
      try {
        nextInMs = Math.min(nextInMs, await this.#sweep(this.#client.engine(queue)));
      } catch (error) {
        // One broken queue does not keep the others from being swept.
        failure ??= error;
      }
    }
    this.#rewinds.keepOnly(queues);
    for (const kept of [this.#audits, this.#expiredUpTo])
      for (const queue of kept.keys()) if (!queues.includes(queue)) kept.delete(queue);
    if (failure !== undefined) throw failure;
    await this.#forgetWorkers(workers);
    await this.#trimAuditLog();
    this.#lastSuccessAt = Date.now();
    // The time that was read at the beginning is nearer by the duration of the sweep.
    return Math.max(0, nextInMs - (performance.now() - sweptFromMs));
  }

  async #trimAuditLog(): Promise<void> {
    const now = performance.now();
    if (now < this.#trimNextAt) return;
    await this.#client.actions.trim(this.#auditLogMax);
    this.#trimNextAt = now + TRIM_MS;
  }

  async #sweep(engine: Engine): Promise<number> {
    await this.#lookForRewind(engine);
    const swept: SweptEvent = {
      queue: engine.queue,
      promoted: 0,
      reaped: { requeued: 0, dead: 0, cancelled: 0 },
      rejected: 0,
      expired: 0,
      purged: 0,
      forgotten: 0,
    };
    // Until the next lease runs out or task is due; 0 where the calls of this sweep did not suffice.
    let expiryInMs = 0;
    for (let call = 0; call < CALLS_PER_SWEEP && expiryInMs === 0; call++) {
      const reaped = await engine.reap(CALL_TASKS);
      swept.reaped.requeued += reaped.requeued;
      swept.reaped.dead += reaped.dead;
      swept.reaped.cancelled += reaped.cancelled;
      expiryInMs = reaped.nextInMs;
    }
    let dueInMs = 0;
    let aside = 0;
    for (let call = 0; call < CALLS_PER_SWEEP && dueInMs === 0; call++) {
      const { promoted, nextInMs, typed } = await engine.promote(CALL_TASKS);
      swept.promoted += promoted;
      dueInMs = nextInMs;
      aside = typed;
    }
    if (aside > 0) swept.rejected = await this.#reject(engine);
    swept.expired = await this.#expire(engine);
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const { purged, forgotten } = await engine.purge(CALL_TASKS, REQUEST_IDLE_MS);
      swept.purged += purged;
      swept.forgotten += forgotten;
      if (purged + forgotten < CALL_TASKS) break;
    }
    const { requeued, dead, cancelled } = swept.reaped;
    if (
      swept.promoted +
        requeued +
        dead +
        cancelled +
        swept.rejected +
        swept.expired +
        swept.purged +
        swept.forgotten >
      0
    )
      this.emit("swept", swept);
    await this.#audit(engine);
    // -1 stands for none.
    const inMs = (ms: number) => (ms < 0 ? this.#sweepIntervalMs : ms);
    return Math.min(this.#sweepIntervalMs, inMs(expiryInMs), inMs(dueInMs));
  }

  /** Ends what waits too long for a worker with its type, unless one is registered: also one that has not beaten for a while. */
  async #reject(engine: Engine): Promise<number> {
    const queue = queueOfPartition(engine.queue) ?? engine.queue;
    const registered = (await this.#client.registry.workers()).filter(
      ({ queues, state }) => state !== "stopped" && queues.includes(queue),
    );
    const types = [...new Set(registered.flatMap((worker) => worker.types))].sort();
    let rejected = 0;
    let after = "";
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const step = await engine.reject(types, knownWorkers(registered.length, types), CALL_TASKS, after);
      rejected += step.dead;
      after = step.after;
      if (after === "") break;
    }
    return rejected;
  }

  /** The heads of the lists, where most of what expires is, and of the rest a window for each sweep, in turn. */
  async #expire(engine: Engine): Promise<number> {
    let total = 0;
    let next = 0;
    for (let call = 0; call < CALLS_PER_SWEEP; call++) {
      const step = await engine.expire(CALL_TASKS);
      total += step.expired;
      next = step.next;
      if (next === 0 || step.expired + step.dropped === 0) break;
    }
    if (next > 0) {
      const step = await engine.expire(CALL_TASKS, this.#expiredUpTo.get(engine.queue) ?? next);
      total += step.expired;
      next = step.next;
    }
    if (next > 0) this.#expiredUpTo.set(engine.queue, next);
    else this.#expiredUpTo.delete(engine.queue);
    return total;
  }

  async #audit(engine: Engine): Promise<void> {
    if (this.#auditIntervalMs === 0) return;
    const now = performance.now();
    let audit = this.#audits.get(engine.queue);
    if (!audit) {
      audit = {
        begunAt: Number.NEGATIVE_INFINITY,
        steppedAt: Number.NEGATIVE_INFINITY,
        walk: new AuditWalk(engine),
      };
      this.#audits.set(engine.queue, audit);
    }
    if (!audit.walk.underWay) {
      if (now - audit.begunAt < this.#auditIntervalMs) return;
      audit.begunAt = now;
      audit.walk.begin(this.#auditBudget);
    } else if (now - audit.steppedAt < AUDIT_STEP_MS) return;
    const report = await audit.walk.step(AUDIT_STEP);
    audit.steppedAt = performance.now();
    if (report) this.emit("audited", report);
  }

  async #lookForRewind(engine: Engine): Promise<void> {
    const { epoch, runId } = await engine.epoch();
    const rewound = this.#rewinds.look(engine.queue, epoch, runId);
    if (!rewound) return;
    this.emit("rewound", rewound);
    this.emit("audited", await auditQueue(engine, { repair: true }));
  }

  /**
   * The parts of the queues that it was given. Otherwise of the registered ones, and those of workers that hold tasks but are not
   * registered: a Redis that lost its last writes may have left such a queue.
   */
  async #queuesInUse(workers: readonly WorkerEntry[]): Promise<string[]> {
    const partitioned = await this.#partitions.all();
    const partsOf = (queue: string) => {
      const partitions = partitioned.get(queue);
      return partitions ? partitionNames(queue, partitions.count) : [queue];
    };
    if (this.#queues) return this.#queues.flatMap(partsOf);
    const queues = new Set(await this.#client.registry.queues());
    for (const queue of new Set(workers.flatMap((worker) => worker.queues).flatMap(partsOf))) {
      if (queues.has(queue)) continue;
      const engine = this.#client.engine(queue);
      if ((await this.#client.connection.command<number>("HEXISTS", engine.keys.tasks, "#in")) === 0)
        continue;
      // A queue that cannot be registered is swept all the same.
      await engine.open().catch((error: unknown) => this.emit("error", asHoldfastError(error)));
      queues.add(queue);
    }
    return [...queues];
  }

  async #forgetWorkers(workers: readonly WorkerEntry[]): Promise<void> {
    const gone = workers.filter(
      (worker) => this.#client.connection.now() - worker.heartbeatAt > WORKER_GONE_MS,
    );
    await this.#client.registry.removeWorkers(gone.map((worker) => worker.id));
  }

  async #run(): Promise<void> {
    while (this.#running) {
      let sleepMs = this.#sweepIntervalMs;
      try {
        sleepMs = await this.runOnce();
      } catch (error) {
        this.emit("error", asHoldfastError(error));
      }
      if (!this.#running) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(SOONEST_MS, sleepMs));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
