import { type FingerprintedOptions, HoldfastError, type TaskOptions } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import { clientOf, type Holdfast } from "../client.ts";
import { checkQueueName } from "../engine/names.ts";
import { type NewTask, taskShape, taskTextShape } from "../engine/task-options.ts";
import { checkShape } from "../options/shape.ts";
import { checkPartitionedName } from "../partitions/partition-registry.ts";
import { type TraceContext, traceOf } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { UnderWay } from "../under-way.ts";
import { type ColumnsResult, checkColumns, headersOf, toTasks } from "./columns.ts";
import { EarlyCalls } from "./early-calls.ts";
import { checkWellFormed, payloadTextOf } from "./new-task.ts";
import { type EnqueueManyOptions, enqueueManyShape, type QueueOptions, queueShape } from "./queue-options.ts";
import { QueueParts } from "./queue-parts.ts";
import type { EnqueueReceipt, EnqueueResult } from "./receipt.ts";
import { checkBatch } from "./task-checks.ts";
import { tracedEnqueue, tracedEnqueueMany } from "./traced-enqueue.ts";

/** The part of `Queue` that enqueues tasks, connects and closes. */
export class Enqueues {
  /** The name of the queue. */
  readonly name: string;
  protected readonly client: Holdfast;
  protected readonly parts: QueueParts;
  readonly #ownsClient: boolean;
  readonly #tracing: Tracing | undefined;
  /** Enqueues that came before the partitions of the queue were known. */
  readonly #early = new EarlyCalls();
  /** The calls that `close` waits for. */
  readonly #underWay = new UnderWay();
  #closed = false;

  /** @throws HoldfastError invalid_queue_name, invalid_argument */
  constructor(name: string, options: QueueOptions) {
    this.name = checkQueueName(name);
    checkShape(queueShape, options);
    if (options.partitions !== undefined) checkPartitionedName(name);
    const { client, isOwn } = clientOf(options);
    this.#ownsClient = isOwn;
    this.client = client;
    this.#tracing = client.tracing;
    this.parts = new QueueParts(client, name, options);
  }

  /**
   * Connects, checks Redis, registers the queue and reads its durability. Otherwise the first enqueue does this, and
   * takes longer.
   * @throws HoldfastError redis_unavailable, redis_unsupported, closed, conflict (the queue has a different number of
   * partitions than the option says)
   */
  async ready(): Promise<void> {
    await this.during(() => this.parts.ready());
  }

  /**
   * Enqueues one task. When the promise resolves, the task is stored. Calls of the same turn of the event loop are sent
   * to Redis together.
   * @throws HoldfastError invalid_*, payload_too_large, task_conflict, unique_conflict, queue_full, key_full, redis_*,
   * outcome_unknown (retry with `error.taskId`)
   */
  enqueue(type: string, payload: unknown, options?: TaskOptions): Promise<EnqueueReceipt> {
    // Not `async`, because one more promise per task would be a tenth of its cost (hot path).
    try {
      if (options !== undefined) checkShape(taskShape, options);
      return this.#accept(type, payloadTextOf(payload), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like `enqueue`, with the payload as JSON text, which is stored byte for byte and not checked to be valid. */
  enqueueText(type: string, payloadText: string, options?: FingerprintedOptions): Promise<EnqueueReceipt> {
    try {
      checkWellFormed(payloadText);
      if (options !== undefined) checkShape(taskTextShape, options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#accept(type, payloadText, options);
  }

  #accept(
    type: string,
    payloadText: string,
    options: FingerprintedOptions | undefined,
  ): Promise<EnqueueReceipt> {
    const tracing = this.#tracing;
    if (tracing === undefined) return this.#enqueue(type, payloadText, options, options && traceOf(options));
    const about = { queue: this.name, type, parent: traceOf(options) };
    return tracedEnqueue(tracing, about, (trace) => this.#enqueue(type, payloadText, options, trace));
  }

  #enqueue(
    type: string,
    payloadText: string,
    options: FingerprintedOptions | undefined,
    trace: TraceContext | undefined,
  ): Promise<EnqueueReceipt> {
    const { only } = this.parts;
    if (only !== undefined && !this.#closed) return only.add(type, payloadText, options, trace);
    // A copy, because the task may be enqueued later, and the caller may change the options until then.
    const kept = options && structuredClone(options);
    return this.#inOrder(async () => (await this.parts.partFor(kept)).add(type, payloadText, kept, trace));
  }

  /**
   * Enqueues many tasks. Returns one result per task, in the order given. A refused task does not stop the others.
   * @param tasks each in the shape of HTTP and NDJSON: `{ type, payload, delayMs, … }`, or `{ type, payload, options }`
   * @throws HoldfastError invalid_argument (not an array), closed, redis_*
   */
  async enqueueMany(tasks: readonly NewTask[], options: EnqueueManyOptions = {}): Promise<EnqueueResult[]> {
    checkBatch(tasks);
    checkShape(enqueueManyShape, options);
    if (this.#tracing === undefined) return this.#enqueueMany(tasks, options.trace);
    const about = { queue: this.name, tasks, parent: options.trace };
    return tracedEnqueueMany(this.#tracing, about, (trace) => this.#enqueueMany(tasks, trace));
  }

  #enqueueMany(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    const add = () => this.parts.addMany(tasks, trace);
    return this.parts.only !== undefined && !this.#closed ? add() : this.#inOrder(add);
  }

  /**
   * Like `enqueueMany`, but takes the types of all tasks in one array, and their payloads in one buffer, as the class
   * `TaskReader` reads them from JSON. It is faster for tasks without options, because it creates no object per task.
   * The payloads are not checked for valid JSON. The caller must not change the bytes until the promise resolves.
   * @throws HoldfastError closed, redis_*, invalid_argument (`bytes`, `types`, `spans` or `options`)
   */
  async enqueueColumns(tasks: TaskColumns, options: EnqueueManyOptions = {}): Promise<ColumnsResult> {
    checkColumns(tasks);
    checkShape(enqueueManyShape, options);
    const { trace } = options;
    const headers = headersOf(tasks, this.client.connection.now(), trace);
    if (headers === undefined || headers.size === 0 || this.#tracing !== undefined)
      return { ids: null, results: await this.enqueueMany(toTasks(tasks), options) };
    const add = () => this.parts.addColumns(tasks, headers, trace);
    return this.parts.only !== undefined && !this.#closed ? add() : this.#inOrder(add);
  }

  /** Sends all collected tasks, then closes the connection if the queue opened it. May be called several times. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay.ended();
    await this.parts.close();
    if (this.#ownsClient) await this.client.close();
  }

  protected assertOpen(): void {
    if (this.#closed) throw new HoldfastError("closed", `queue "${this.name}" was closed`);
  }

  /** Runs a call, and lets `close` wait for its end. @throws HoldfastError closed */
  protected async during<Result>(call: () => Promise<Result>): Promise<Result> {
    this.assertOpen();
    return this.#underWay.add(call());
  }

  /** Runs an enqueue once the partitions of the queue are known. Enqueues that wait keep their order. */
  #inOrder<Result>(enqueue: () => Promise<Result>): Promise<Result> {
    return this.during(() =>
      this.parts.isKnown ? enqueue() : this.#early.run(enqueue, () => this.parts.known()),
    );
  }
}
