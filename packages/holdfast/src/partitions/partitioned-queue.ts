import { HoldfastError, LIMITS, type TaskOptions, type TaskView } from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import { ownerProblem } from "../client-options.ts";
import { checkTaskId } from "../engine/names.ts";
import {
  type FingerprintedOptions,
  flatTask,
  type NewTask,
  partitionKeyKind,
} from "../engine/task-options.ts";
import { checkArgument, checkShape, type Merged, shapeOf } from "../options/shape.ts";
import type { EnqueueReceipt, EnqueueResult } from "../queue/enqueue-buffer.ts";
import { checkBatch, givenId, Queue } from "../queue/queue.ts";
import {
  type EnqueueManyOptions,
  enqueueManyShape,
  queueHints,
  queueKinds,
  type WaitOptions,
} from "../queue/queue-options.ts";
import type { RedisOption } from "../redis/settings.ts";
import type { Tracing } from "../tracing/tracing.ts";
import {
  mintPartitionId,
  type Partitions,
  partitionName,
  partitionOfId,
  partitionOfKey,
} from "./partition-names.ts";
import { checkPartitionedName, PartitionRegistry, partitionsKind } from "./partition-registry.ts";

export interface PartitionedTaskOptions extends TaskOptions {
  /**
   * Tasks of one key go to one partition and are granted there in the order of their enqueues, within one priority; see
   * docs/guarantees.md for what that is worth. 1 to 256 characters. Not together with `id`.
   */
  partitionKey?: string | undefined;
}

export type NewPartitionedTask = NewTask & PartitionedTaskOptions;

export type PartitionedQueueOptions = {
  /** How many; the queue is made with them. Left out: as many as it has. 1 to 256. */
  partitions?: number | undefined;
  /** As in `QueueOptions`. @default 0 */
  lingerMs?: number | undefined;
} & (
  | { client: Holdfast }
  | { redis: RedisOption; prefix?: string | undefined; tracing?: Tracing | undefined }
);

const { client, redis, prefix, tracing, lingerMs } = queueKinds;

export const partitionedQueueShape = shapeOf<Merged<PartitionedQueueOptions>>({
  what: "a partitioned queue",
  title: "PartitionedQueue",
  example: '{ redis: "redis://127.0.0.1:6379", partitions: 8 }',
  kinds: { client, redis, prefix, tracing, lingerMs, partitions: partitionsKind },
  hints: { ...queueHints, mintId: "the ids of a partitioned queue say which partition they are in" },
  rule: ownerProblem as (options: Merged<PartitionedQueueOptions>) => string | undefined,
});

// Tasks without a key stay together for one script call of one partition, then it is the turn of the next.
const TOGETHER = LIMITS.scriptTasks;

interface Route<Options extends PartitionedTaskOptions> {
  queue: Queue;
  own: Omit<Options, "partitionKey"> | undefined;
}

/** The partition is not there, and so nothing was stored. */
const isWithoutPartition = (result: { error: unknown } | { ok: true }): boolean =>
  "error" in result && result.error instanceof HoldfastError && result.error.code === "queue_not_found";

/** The producer's side of one hot queue that is spread over several partitions, each with a Cluster slot of its own. */
export class PartitionedQueue {
  readonly name: string;
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #options: PartitionedQueueOptions;
  readonly #registry: PartitionRegistry;
  readonly #queues: Queue[] = [];
  #opened: Promise<Partitions> | undefined;
  #turn = 0;
  #together = 0;
  /** Calls that `close` waits for. */
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  /** @throws HoldfastError invalid_queue_name, invalid_argument */
  constructor(name: string, options: PartitionedQueueOptions) {
    this.name = checkPartitionedName(name);
    checkShape(partitionedQueueShape, options);
    const { client, isOwn } = clientOf(options);
    this.#options = options;
    this.#ownsClient = isOwn;
    this.#client = client;
    this.#registry = new PartitionRegistry(this.#client);
  }

  /**
   * How many partitions it has now.
   * @throws HoldfastError conflict: not the number that was asked for; queue_not_found: none was, and there is no such queue
   */
  async partitions(): Promise<number> {
    return this.#during(async () => (await this.#open()).count);
  }

  /** As `Queue.enqueue`. @throws HoldfastError as there, and invalid_argument where an id and a partition key are given */
  enqueue(type: string, payload: unknown, options?: PartitionedTaskOptions): Promise<EnqueueReceipt> {
    return this.#during(() =>
      this.#inPartition(options, ({ queue, own }) => queue.enqueue(type, payload, own)),
    );
  }

  /** As `Queue.enqueueText`. */
  enqueueText(
    type: string,
    payloadText: string,
    options?: PartitionedTaskOptions & FingerprintedOptions,
  ): Promise<EnqueueReceipt> {
    return this.#during(() =>
      this.#inPartition(options, ({ queue, own }) => queue.enqueueText(type, payloadText, own)),
    );
  }

  /** As `Queue.enqueueMany`. */
  enqueueMany(
    tasks: readonly NewPartitionedTask[],
    options: EnqueueManyOptions = {},
  ): Promise<EnqueueResult[]> {
    return this.#during(async () => {
      checkBatch(tasks);
      checkShape(enqueueManyShape, options);
      const results = await this.#enqueueMany(tasks, options);
      const homeless = results.flatMap((result, at) => (isWithoutPartition(result) ? [at] : []));
      if (homeless.length === 0) return results;
      this.#opened = undefined;
      const again = await this.#enqueueMany(
        homeless.map((at) => tasks[at] as NewPartitionedTask),
        options,
      );
      homeless.forEach((at, i) => {
        results[at] = again[i] as EnqueueResult;
      });
      return results;
    });
  }

  async #enqueueMany(
    tasks: readonly NewPartitionedTask[],
    options: EnqueueManyOptions,
  ): Promise<EnqueueResult[]> {
    await this.#open();
    const results = new Array<EnqueueResult>(tasks.length);
    const byQueue = new Map<Queue, { at: number; task: NewTask }[]>();
    for (const [at, task] of tasks.entries()) {
      try {
        const { queue, own } = await this.#route(flatTask(task));
        const group = byQueue.get(queue) ?? [];
        // What else is wrong with it, its partition says.
        group.push({ at, task: own as NewTask });
        byQueue.set(queue, group);
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        results[at] = { ok: false, id: givenId(task), error };
      }
    }
    await Promise.all(
      [...byQueue].map(async ([queue, group]) => {
        const own = group.map(({ task }) => task);
        const done = await queue.enqueueMany(own, options).catch((error: unknown) => {
          if (!isWithoutPartition({ error })) throw error;
          return own.map((task): EnqueueResult => {
            return { ok: false, id: givenId(task), error: error as HoldfastError };
          });
        });
        group.forEach(({ at }, i) => {
          results[at] = done[i] as EnqueueResult;
        });
      }),
    );
    return results;
  }

  /** What is known of a task, or null. */
  async get(id: string): Promise<TaskView | null> {
    return this.#during(async () => this.#named(await (await this.#queueOf(id))?.get(id)));
  }

  async cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    return this.#during(async () => (await (await this.#queueOf(id))?.cancel(id)) ?? "not_found");
  }

  /** As `Queue.wait`. */
  async wait(id: string, options: WaitOptions & { waitMs: number }): Promise<TaskView | null> {
    this.#assertOpen();
    return this.#named(await (await this.#queueOf(id))?.wait(id, options));
  }

  /** As `Queue.result`. */
  async result(id: string, options: WaitOptions = {}): Promise<TaskView | null> {
    this.#assertOpen();
    return this.#named(await (await this.#queueOf(id))?.result(id, options));
  }

  /** Sends what waits, then closes the connection where it is the queue's own. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#opened?.catch(() => {});
    await Promise.all(this.#queues.map((queue) => queue?.close()));
    if (this.#ownsClient) await this.#client.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldfastError("closed", `queue "${this.name}" was closed`);
  }

  /** A call that has begun before `close` is served. @throws HoldfastError closed */
  async #during<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#assertOpen();
    const running = call();
    this.#underWay.add(running);
    const done = () => this.#underWay.delete(running);
    running.then(done, done);
    return await running;
  }

  #open(): Promise<Partitions> {
    if (this.#opened === undefined) {
      const opening = this.#registry.open(this.name, this.#options.partitions);
      this.#opened = opening;
      opening.catch(() => {
        this.#opened = undefined;
      });
    }
    return this.#opened;
  }

  #queue(partition: number): Queue {
    const { lingerMs } = this.#options;
    this.#queues[partition] ??= new Queue(partitionName(this.name, partition), {
      client: this.#client,
      mintId: () => mintPartitionId(partition),
      ...(lingerMs === undefined ? {} : { lingerMs }),
    });
    return this.#queues[partition] as Queue;
  }

  /** Where the queue was deleted since it was looked up, it is looked up again: it is made anew where its number is given. */
  async #inPartition<Options extends PartitionedTaskOptions>(
    options: Options | undefined,
    enqueue: (route: Route<Options>) => Promise<EnqueueReceipt>,
  ): Promise<EnqueueReceipt> {
    try {
      return await enqueue(await this.#route(options));
    } catch (error) {
      if (!isWithoutPartition({ error })) throw error;
      this.#opened = undefined;
      return enqueue(await this.#route(options));
    }
  }

  async #route<Options extends PartitionedTaskOptions>(
    options: Options | undefined,
  ): Promise<Route<Options>> {
    const partitions = await this.#open();
    if (options?.partitionKey !== undefined) {
      const { partitionKey, ...own } = options;
      if (options.id !== undefined) {
        throw new HoldfastError(
          "invalid_argument",
          "an id and a partition key exclude each other: the id alone says where the task is",
          { taskId: options.id },
        );
      }
      checkArgument("partitionKey", partitionKeyKind, partitionKey);
      return { queue: this.#queue(partitionOfKey(partitionKey, partitions)), own };
    }
    if (options?.id === undefined) return { queue: this.#queue(this.#next(partitions)), own: options };
    const queue = await this.#queueOf(options.id);
    if (!queue) {
      throw new HoldfastError(
        "invalid_task_id",
        `"${options.id}" names a partition that queue "${this.name}" does not have`,
        { taskId: options.id },
      );
    }
    return { queue, own: options };
  }

  #next({ count }: Partitions): number {
    if (this.#together++ >= TOGETHER) {
      this.#together = 1;
      this.#turn++;
    }
    if (this.#together === 1) {
      setImmediate(() => {
        this.#turn++;
        this.#together = 0;
      });
    }
    return this.#turn % count;
  }

  /** Null for an id that was minted for a partition that is not there. */
  async #queueOf(id: string): Promise<Queue | null> {
    checkTaskId(id);
    let partitions = await this.#open();
    const partition = partitionOfId(id, partitions);
    if (partition >= partitions.count) {
      // Minted by somebody who has seen the queue grow.
      const opening = this.#registry.open(this.name);
      partitions = await opening;
      this.#opened = opening;
    }
    return partition < partitions.count ? this.#queue(partition) : null;
  }

  #named(task: TaskView | null | undefined): TaskView | null {
    return task ? { ...task, queue: this.name } : null;
  }
}
