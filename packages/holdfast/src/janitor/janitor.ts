import { hostname } from "node:os";
import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { clientOf, type Holdfast } from "../client.ts";
import { AUDIT_LOG_MAX } from "../engine/action-log.ts";
import { checkQueueName } from "../engine/names.ts";
import type { WorkerEntry } from "../engine/registry.ts";
import { Grace, type StopOptions, stopShape } from "../grace.ts";
import { checkShape } from "../options/shape.ts";
import { partitionNames } from "../partitions/partition-names.ts";
import { PartitionRegistry } from "../partitions/partition-registry.ts";
import { SafeEmitter } from "../safe-emitter.ts";
import { ScheduleFiring } from "../schedules/firing.ts";
import { Dealer } from "../shares/dealer.ts";
import { type JanitorEvents, type JanitorOptions, janitorShape } from "./janitor-options.ts";
import { Sweep } from "./sweep.ts";

// How often old records are removed from the audit log, ms. Operators write few records in that time.
const TRIM_MS = 10_000;
const DEFAULT_GRACE_MS = 25_000;
const WORKER_GONE_MS = 3_600_000;
const SOONEST_MS = 5;
// How often shared limits are divided among their queues, ms.
const DEAL_MS = 1_000;
// A janitor that has not read the schedules for this long plus its sweep interval counts as gone, ms.
const SILENT_MS = 15_000;
/**
 * Takes back expired leases, makes due tasks pending, removes tasks after their retention, and enqueues the tasks of
 * schedules. Any number of janitors may run.
 */
export class Janitor extends SafeEmitter<JanitorEvents> {
  readonly #client: Holdfast;
  readonly #sweepIntervalMs: number;
  readonly #queues: string[] | undefined;
  readonly #partitions: PartitionRegistry;
  readonly #auditLogMax: number;
  readonly #sweep: Sweep;
  readonly #dealer: Dealer;
  readonly #schedules: ScheduleFiring | undefined;
  readonly #id = `${hostname()}:${process.pid}:${nanoid(6)}`;
  #lastSuccessAt = 0;
  #trimNextAt = 0;
  #dealNextAt = 0;
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
    this.#auditLogMax = options.auditLogMax ?? AUDIT_LOG_MAX;
    this.#queues = options.queues;
    this.#client = clientOf({
      redis: options.redis,
      prefix: options.prefix,
      onScript: options.onScript,
    }).client;
    this.#partitions = new PartitionRegistry(this.#client);
    this.#sweep = new Sweep({
      registry: this.#client.registry,
      sweepIntervalMs: this.#sweepIntervalMs,
      auditIntervalMs: options.auditIntervalMs ?? 60_000,
      auditBudget: options.auditBudget ?? 10_000,
      events: this,
    });
    this.#dealer = new Dealer(this.#client, (queue) => this.#partitions.parts(queue));
    if (options.schedules !== false) {
      this.#schedules = new ScheduleFiring({
        client: this.#client,
        onRun: (event) => this.emit("scheduled", event),
        clockMs: options.clockMs,
        announcement: { janitorId: this.#id, aliveMs: this.#sweepIntervalMs + SILENT_MS },
      });
    }
  }

  /** Returns when a sweep of all queues last succeeded, ms since the epoch; 0 before the first one. */
  lastSuccessAt(): number {
    return this.#lastSuccessAt;
  }

  /**
   * Connects, checks Redis and begins to sweep. Resolves with the janitor.
   * @throws HoldfastError redis_unavailable, redis_refused or redis_unsupported, after which the janitor can be started
   * again; closed
   */
  async start(): Promise<this> {
    this.#assertRuns();
    if (this.#running) return this;
    try {
      await this.#client.check();
    } finally {
      // If the janitor was stopped meanwhile, this reports "stopped" instead of the errors of the closed connection.
      this.#assertRuns();
    }
    if (this.#running) return this;
    this.#running = true;
    this.#loop = this.#run();
    return this;
  }

  #assertRuns(): void {
    if (this.#stopped) throw new HoldfastError("closed", "this janitor was stopped");
  }

  /**
   * Ends the present sweep after its present queue. If Redis does not answer, the wait ends after `graceMs`. May be
   * called several times; a later call can shorten the time.
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
    // If Redis cannot be reached, the entry of this janitor expires by itself.
    if (this.#isAnnounced && this.#client.connection.isReady)
      await this.#grace.orEnd(this.#client.registry.removeJanitor(this.#id));
    this.#grace.end();
    await this.#client.close();
  }

  /**
   * Enqueues the due tasks of schedules, then sweeps all queues once.
   * @returns ms until the next occurrence of a schedule, the next expiry of a lease or the next due task, at most the
   * sweep interval
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
    await this.#deal().catch((error: unknown) => {
      failure ??= error;
    });
    for (const queue of queues) {
      if (this.#stopped) return nextInMs;
      try {
        nextInMs = Math.min(nextInMs, await this.#sweep.run(this.#client.engine(queue)));
      } catch (error) {
        // An error in one queue must not stop the sweep of the others.
        failure ??= error;
      }
    }
    this.#sweep.keepOnly(queues);
    if (failure !== undefined) throw failure;
    await this.#forgetWorkers(workers);
    await this.#trimAuditLog();
    this.#lastSuccessAt = Date.now();
    // These times are counted from the beginning of the sweep, so the duration of the sweep is subtracted.
    return Math.max(0, nextInMs - (performance.now() - sweptFromMs));
  }

  async #deal(): Promise<void> {
    const now = performance.now();
    if (now < this.#dealNextAt) return;
    await this.#dealer.run();
    this.#dealNextAt = now + DEAL_MS;
  }

  async #trimAuditLog(): Promise<void> {
    const now = performance.now();
    if (now < this.#trimNextAt) return;
    await this.#client.actions.trim(this.#auditLogMax);
    this.#trimNextAt = now + TRIM_MS;
  }

  /**
   * Returns the queues and partitions to sweep: those of the option `queues`, otherwise all registered ones. If Redis
   * has lost writes, a registration may be missing, so queues that workers name and that have tasks are added.
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
      // The queue is swept even if registering it fails.
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
