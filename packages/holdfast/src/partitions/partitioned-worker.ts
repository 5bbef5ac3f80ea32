import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import { Holdfast } from "../client.ts";
import { type StopOptions, stopShape } from "../grace.ts";
import { whole } from "../options/kinds.ts";
import { checkShape, shapeOf } from "../options/shape.ts";
import { SafeEmitter } from "../user-code.ts";
import type { Handlers } from "../worker/handler.ts";
import { Worker, type WorkerEvents } from "../worker/worker.ts";
import { checkHandlers, type WorkerOptions, workerHints, workerKinds } from "../worker/worker-options.ts";
import { partitionNames } from "./partition-names.ts";
import { checkPartitionedName, PartitionRegistry, partitionsKind } from "./partition-registry.ts";

export interface PartitionedWorkerOptions extends WorkerOptions {
  /** As in `PartitionedQueueOptions`. */
  partitions?: number | undefined;
  /** How often it looks whether the queue has grown. Milliseconds, 10 to 3_600_000. @default 2_000 */
  watchMs?: number | undefined;
}

export const partitionedWorkerShape = shapeOf<PartitionedWorkerOptions>({
  what: "a partitioned worker",
  title: "PartitionedWorker",
  example: '{ redis: "redis://127.0.0.1:6379", concurrency: 10 }',
  kinds: { ...workerKinds, partitions: partitionsKind, watchMs: whole(10, 3_600_000) },
  hints: workerHints,
  required: ["redis"],
});

// An event that is missing here does not compile.
const FORWARDED: Record<keyof WorkerEvents, true> = {
  settled: true,
  stale: true,
  error: true,
  drain: true,
  renewal: true,
};

/**
 * Runs the tasks of all partitions of a queue. When the queue has grown, a worker over all of them starts and the one
 * before it finishes what it runs: for that time there are up to twice `concurrency` tasks. In handlers and events
 * `task.queue` is the partition, `orders/3`.
 */
export class PartitionedWorker extends SafeEmitter<WorkerEvents> {
  readonly #name: string;
  readonly #handlers: Handlers;
  readonly #options: PartitionedWorkerOptions;
  readonly #client: Holdfast;
  readonly #registry: PartitionRegistry;
  /** The one that runs, the one that starts, and those that finish what they run. */
  readonly #workers = new Set<Worker>();
  #worker: Worker | undefined;
  #count = 0;
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws HoldfastError invalid_queue_name, invalid_argument */
  constructor(queue: string, handlers: Handlers, options: PartitionedWorkerOptions) {
    super("the worker");
    this.#name = checkPartitionedName(queue);
    checkHandlers(handlers);
    checkShape(partitionedWorkerShape, options);
    this.#handlers = handlers;
    this.#options = options;
    this.#client = new Holdfast({ redis: options.redis, prefix: options.prefix });
    this.#registry = new PartitionRegistry(this.#client);
  }

  /** Partitions that it works on. */
  get partitions(): number {
    return this.#count;
  }

  /** Tasks held now. */
  get busy(): number {
    return this.#worker?.busy ?? 0;
  }

  lastGoodPollAgeMs(): number {
    return this.#worker?.lastGoodPollAgeMs() ?? Number.POSITIVE_INFINITY;
  }

  /** As `Worker.stalledMs`. */
  stalledMs(): number {
    return this.#worker?.stalledMs() ?? 0;
  }

  /** @throws HoldfastError redis_*, closed, conflict and queue_not_found as `PartitionedQueue.partitions` */
  async start(): Promise<void> {
    this.#assertRuns();
    try {
      const { count } = await this.#registry.open(this.#name, this.#options.partitions);
      await this.#run(count);
    } catch (error) {
      this.#assertRuns();
      throw error;
    }
    this.#assertRuns();
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined;
      });
    }, this.#options.watchMs ?? 2_000);
  }

  /** As `Worker.stop`. */
  async stop(options: StopOptions = {}): Promise<void> {
    checkShape(stopShape, options);
    const stopping = [...this.#workers].map((worker) => worker.stop(options));
    this.#stopped ??= this.#stop();
    await Promise.all([...stopping, this.#stopped]);
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer);
    // Where it is about to start another one, that one finds out.
    await this.#client.close();
    await this.#looking;
    await Promise.all([...this.#workers].map((worker) => worker.stop()));
  }

  #assertRuns(): void {
    if (this.#stopped) throw new HoldfastError("closed", "this worker was stopped");
  }

  async #look(): Promise<void> {
    try {
      const { count } = await this.#registry.open(this.#name);
      if (count > this.#count && !this.#stopped) await this.#run(count);
    } catch (error) {
      const known = asHoldfastError(error);
      // It was deleted: there is nothing to work on until somebody makes it again.
      if (known.code !== "queue_not_found" && !this.#stopped) this.emit("error", known);
    }
  }

  async #run(count: number): Promise<void> {
    this.#assertRuns();
    const { partitions: _, watchMs: __, id, ...options } = this.#options;
    const generation = ++this.#generation;
    const worker = new Worker(partitionNames(this.#name, count), this.#handlers, {
      ...options,
      ...(id === undefined ? {} : { id: generation === 1 ? id : `${id}-${generation}` }),
    });
    for (const event of Object.keys(FORWARDED) as (keyof WorkerEvents)[])
      worker.on(event, (...told: unknown[]) => this.emit(event, ...(told as never)));
    this.#workers.add(worker);
    // It has stopped: the partitions have no other.
    worker.on("error", ({ code }) => code === "heartbeat_failed" && void this.stop());
    try {
      await worker.start();
    } catch (error) {
      await worker.stop({ graceMs: 0 });
      this.#workers.delete(worker);
      throw error;
    }
    const before = this.#worker;
    this.#worker = worker;
    this.#count = count;
    if (before) void before.stop().finally(() => this.#workers.delete(before));
  }
}
