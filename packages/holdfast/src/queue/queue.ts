import {
  type ChangeResult,
  type FingerprintedOptions,
  type FlowDefinition,
  type FlowNodePage,
  type FlowOptions,
  type FlowReceipt,
  type FlowView,
  HoldfastError,
  LIMITS,
  type LimitsView,
  type QueueLimits,
  type TaskChange,
  type TaskOptions,
  type TaskView,
} from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import { clientOf, type Holdfast } from "../client.ts";
import { traceOf } from "../engine/envelope.ts";
import { changeKey } from "../engine/limits.ts";
import { checkQueueName } from "../engine/names.ts";
import { keyedRequest, type SignalOutcome, sendSignal } from "../engine/steps.ts";
import { type NewTask, taskKinds, taskShape, taskTextShape } from "../engine/task-options.ts";
import { taskView } from "../engine/task-view.ts";
import { type EventsOptions, eventsShape } from "../events/events-options.ts";
import { type QueueEvents, queueEvents } from "../events/queue-events.ts";
import { type OpenFlow, openFlow, storeFlow } from "../flows/open-flow.ts";
import { cancelFlowIn, type FlowNodesOptions, flowNodes, getFlow } from "../flows/read-flow.ts";
import { Limits } from "../limits/limits.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import { checkPartitionedName, PartitionRegistry } from "../partitions/partition-registry.ts";
import { checkEvent, signalText } from "../steps/events.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { UnderWay } from "../under-way.ts";
import { type ColumnsResult, checkColumns, headersOf, toTasks } from "./columns.ts";
import { EarlyCalls } from "./early-calls.ts";
import type { EnqueueReceipt, EnqueueResult } from "./enqueue-call.ts";
import {
  type EnqueueManyOptions,
  enqueueManyShape,
  type QueueOptions,
  queueShape,
  type WaitOptions,
  waitForShape,
  waitShape,
} from "./queue-options.ts";
import { QueueParts } from "./queue-parts.ts";
import { checkBatch, checkWellFormed, payloadTextOf } from "./task-checks.ts";
import { tracedEnqueue, tracedEnqueueMany } from "./traced-enqueue.ts";
import { isTerminal, waitForTask } from "./wait.ts";

/** The producer's side of one queue, with or without partitions. */
export class Queue {
  /** The name of the queue. */
  readonly name: string;
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #parts: QueueParts;
  readonly #tracing: Tracing | undefined;
  /** The enqueues that were called before the parts were known. */
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
    this.#client = client;
    this.#tracing = client.tracing;
    this.#parts = new QueueParts(client, name, options);
  }

  /**
   * Connects, runs the boot checks, registers the queue and reads its durability. Without this call, the first enqueue
   * does all this and has to wait for it.
   * @throws HoldfastError redis_unavailable, redis_unsupported, closed, conflict (the queue has a different number of
   * partitions than the option says)
   */
  async ready(): Promise<void> {
    await this.#during(() => this.#parts.ready());
  }

  /** The number of partitions of the queue; null if it has none. @throws HoldfastError as `ready` */
  partitions(): Promise<number | null> {
    return this.#during(async () => (await this.#parts.known()).partitions?.count ?? null);
  }

  /**
   * Enqueues one task. When the promise resolves, the task is stored. Calls of the same event-loop turn share a script
   * call.
   * @throws HoldfastError invalid_*, payload_too_large, task_conflict, unique_conflict, queue_full, key_full, redis_*,
   * outcome_unknown (retry with `error.taskId`)
   */
  enqueue(type: string, payload: unknown, options?: TaskOptions): Promise<EnqueueReceipt> {
    // Not `async`, because one more promise per task would be a tenth of its cost.
    try {
      if (options !== undefined) checkShape(taskShape, options);
      return this.#accept(type, payloadTextOf(payload), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Like `enqueue`, with the payload as JSON text that is stored byte for byte. The caller has to make sure that it is
   * JSON.
   */
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
    const { only } = this.#parts;
    if (only !== undefined && !this.#closed) return only.add(type, payloadText, options, trace);
    // The task may be enqueued later, and the caller may change its options until then.
    const kept = options && structuredClone(options);
    return this.#inOrder(async () => (await this.#parts.partFor(kept)).add(type, payloadText, kept, trace));
  }

  /**
   * Enqueues many tasks. Returns one result per task, in the order given. A task that is refused does not stop the
   * others. Calls of the same event-loop turn share script calls.
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
    const add = () => this.#parts.addMany(tasks, trace);
    return this.#parts.only !== undefined && !this.#closed ? add() : this.#inOrder(add);
  }

  /**
   * Like `enqueueMany`, but takes the types of all tasks in one array, and their payloads in one buffer. The class
   * `TaskReader` makes such columns from JSON. This call is faster for tasks without options, because it makes no object
   * for each task. The caller has to make sure that each payload is JSON in
   * UTF-8, and must not change the bytes until the promise resolves.
   * @throws HoldfastError closed, redis_*, invalid_argument (`bytes`, `types`, `spans` or `options`)
   */
  async enqueueColumns(tasks: TaskColumns, options: EnqueueManyOptions = {}): Promise<ColumnsResult> {
    checkColumns(tasks);
    checkShape(enqueueManyShape, options);
    const { trace } = options;
    const headers = headersOf(tasks, this.#client.connection.now(), trace);
    if (headers === undefined || headers.size === 0 || this.#tracing !== undefined)
      return { ids: null, results: await this.enqueueMany(toTasks(tasks), options) };
    const add = () => this.#parts.addColumns(tasks, headers, trace);
    return this.#parts.only !== undefined && !this.#closed ? add() : this.#inOrder(add);
  }

  /** Looks up a task; null if nothing is known about its id. */
  get(id: string): Promise<TaskView | null> {
    return this.#during(() =>
      this.#parts.look<TaskView | null>(id, null, async (engine) => {
        const [raw] = await engine.get([id]);
        return raw ? taskView(this.name, raw) : null;
      }),
    );
  }

  /** Ends a waiting task at once, or asks the worker of a running task to stop. */
  cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    return this.#during(() => this.#parts.look(id, "not_found", (engine) => engine.cancel(id)));
  }

  /**
   * Changes the time, priority, key or payload of a task that waits. The task may wait for a worker, for its time or
   * for its retry. A task that runs or has ended is not changed, and the result says its state.
   * @throws HoldfastError invalid_*, payload_too_large
   */
  change(id: string, change: TaskChange): Promise<ChangeResult> {
    return this.#during(() => this.#parts.change(id, change));
  }

  /**
   * Gives a signal to a task, whose handler receives it with `ctx.waitFor(event)`. "delivered": the task waited for
   * this event, and is pending now. "kept": the signal is kept until the handler waits for this event; a task keeps its
   * last 100 signals, each for 7 days. "ended": the task has ended, so the signal was refused.
   * @param data a JSON value of at most 65,536 bytes @default none
   * @param key repeated calls for the task with one idempotency key give one signal, for an hour @default none
   * @throws HoldfastError invalid_argument, payload_too_large
   */
  signal(id: string, event: string, data?: unknown, key?: string): Promise<SignalOutcome> {
    return this.#during(async () => {
      checkEvent(event);
      const text = signalText(data);
      const request = key === undefined ? undefined : keyedRequest(id, key);
      return this.#parts.look<SignalOutcome>(id, "not_found", (engine) =>
        sendSignal(engine, id, event, text, request),
      );
    });
  }

  /** Makes a task pending at once that is scheduled or waits for its retry: `change(id, { delayMs: 0 })`. */
  runNow(id: string): Promise<ChangeResult> {
    return this.change(id, { delayMs: 0 });
  }

  /**
   * Lets no task of this key start for `holdMs`; 0 ends the hold. Use it if something other than a handler learns of a
   * limit, such as a callback with a Retry-After.
   * @param holdMs 0 to 365 days
   * @throws HoldfastError invalid_argument
   */
  hold(key: string, holdMs: number): Promise<void> {
    return this.#during(async () => {
      checkArgument("holdMs", taskKinds.delayMs, holdMs);
      await changeKey((await this.#parts.known()).ofKey(key).engine, { key }, { holdMs });
    });
  }

  /** Like `observer.limits.set`, with the same rights in Redis (docs/secrets.md). @throws HoldfastError invalid_argument, redis_* */
  setLimits(limits: QueueLimits): Promise<LimitsView> {
    return this.#during(() =>
      new Limits(this.#client, new PartitionRegistry(this.#client)).set(this.name, limits),
    );
  }

  /**
   * Stores a flow: tasks that wait for one another (docs/flows.md). If a flow with the same id was stored before,
   * nothing is stored. A flow of more than 500 nodes is stored by several script calls; if one of them fails, the flow
   * is cancelled.
   * @throws HoldfastError invalid_argument (a cycle, a node twice, an unknown name), payload_too_large, queue_full,
   * conflict, redis_*
   */
  flow(definition: FlowDefinition): Promise<FlowReceipt> {
    return this.#during(() => storeFlow(this.#parts, definition));
  }

  /** Makes a flow to which nodes are added in parts, and which has to be sealed by its `sealBy`. @throws as `flow` */
  openFlow(options: FlowOptions = {}): Promise<OpenFlow> {
    return this.#during(() => openFlow(this.#parts, options));
  }

  /** Returns the state and the counts of a flow; null if there is none. @throws HoldfastError invalid_argument */
  getFlow(id: string): Promise<FlowView | null> {
    return this.#during(async () => getFlow(await this.#parts.known(), id));
  }

  /** Returns a page of nodes, in the order in which they were added. @throws HoldfastError invalid_*, not_found */
  flowNodes(id: string, options: FlowNodesOptions = {}): Promise<FlowNodePage> {
    return this.#during(async () => flowNodes(await this.#parts.known(), id, options));
  }

  /** Cancels a flow: no node of it begins after this call. Waiting nodes end soon, and running ones are asked to stop. */
  cancelFlow(id: string): Promise<"cancelled" | "too_late" | "not_found"> {
    return this.#during(async () => cancelFlowIn(await this.#parts.known(), id));
  }

  /**
   * Waits until a task is terminal, at most `waitMs`. Returns the task as it is then; null if no task has the id.
   * @throws HoldfastError task_not_kept if the task ended or an operator removed it, and the queue no longer keeps it.
   * A queue that keeps no ended tasks (a retention of 0) cannot tell such a task from an unknown id, so there an
   * unknown id throws too
   */
  async wait(id: string, options: WaitOptions & { waitMs: number }): Promise<TaskView | null> {
    checkShape(waitForShape, options);
    this.#assertOpen();
    return this.#parts.look<TaskView | null>(id, null, (engine) =>
      waitForTask(this.#client, engine, this.name, id, options),
    );
  }

  /**
   * Reads what happens to the tasks of the queue, in order, whatever process does it. Use it with `for await`. The
   * queue has to keep events (its setting `maxEvents`). A `gap` reports missing events. In a queue with partitions,
   * events are in order within each partition.
   * @throws HoldfastError invalid_argument, closed. While the events are read: events_off, invalid_cursor, redis_*, or
   * the reason of the signal
   */
  events(options: EventsOptions = {}): QueueEvents {
    checkShape(eventsShape, options);
    this.#assertOpen();
    return queueEvents(this.#client, this.name, this.#parts, options);
  }

  /**
   * Waits for a task to end and returns it; null if it still waits or runs after `waitMs`, or if no task has the id.
   * @throws HoldfastError task_not_kept, as `wait` does
   */
  async result(id: string, options: WaitOptions = {}): Promise<TaskView | null> {
    checkShape(waitShape, options);
    const { waitMs = LIMITS.waitMs, signal } = options;
    const task = await this.wait(id, { waitMs, signal });
    return task && isTerminal(task) ? task : null;
  }

  /** Sends the tasks that were gathered, then closes the connection if the queue made it. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#underWay.ended();
    await this.#parts.close();
    if (this.#ownsClient) await this.#client.close();
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldfastError("closed", `queue "${this.name}" was closed`);
  }

  /** Runs a call. A call that began before `close` is completed. @throws HoldfastError closed */
  async #during<Result>(call: () => Promise<Result>): Promise<Result> {
    this.#assertOpen();
    return this.#underWay.add(call());
  }

  /**
   * Runs an enqueue when the parts are known. Enqueues that have to wait for the parts run in the order of their calls.
   */
  #inOrder<Result>(enqueue: () => Promise<Result>): Promise<Result> {
    return this.#during(() =>
      this.#parts.isKnown ? enqueue() : this.#early.run(enqueue, () => this.#parts.known()),
    );
  }
}
