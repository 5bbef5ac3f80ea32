import type { FingerprintedOptions, TaskOptions } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { partsChanged } from "../engine/registry.ts";
import { flatTask, type NewTask, optionsOfNewTask } from "../engine/task-options.ts";
import type { ViewedBytes } from "../redis/tail-bytes.ts";
import { type TraceContext, traceOf } from "../tracing/trace-context.ts";
import { inBatch } from "./batch-results.ts";
import { CallBuffer } from "./call-buffer.ts";
import { type ColumnsResult, toTasks } from "./columns.ts";
import { DurabilityGate } from "./durability.ts";
import { DurableEnqueues } from "./durable-enqueues.ts";
import { EarlyCalls } from "./early-calls.ts";
import { mintId } from "./mint-ids.ts";
import { checkWellFormed, NewTasks, type PreparedTask, payloadTextOf } from "./new-task.ts";
import { PartOpening } from "./part-opening.ts";
import { PlainRun } from "./plain-call.ts";
import type { EnqueueReceipt, EnqueueResult, EnqueueSink } from "./receipt.ts";
import { givenId } from "./task-checks.ts";

/** The settings that a queue passes on to its partitions. */
export interface QueuePartOptions {
  lingerMs: number;
  /** Returns a new id for a task without one. @default 14 random characters */
  mintId?: (() => string) | undefined;
  /** Called with a task that was not stored because the number of partitions has changed. */
  onMoved(task: AskedTask): void;
}

/** Enqueues tasks into one part of a queue: into one partition, or into a queue without partitions. */
export class QueuePart {
  readonly engine: Engine;
  readonly #client: Holdfast;
  readonly #buffer: CallBuffer;
  readonly #durability: DurabilityGate;
  readonly #opening: PartOpening;
  readonly #tasks: NewTasks;
  readonly #onMoved: QueuePartOptions["onMoved"];
  /** The tasks that came before the queue was registered. */
  readonly #early = new EarlyCalls();
  readonly #durable: DurableEnqueues;

  constructor(client: Holdfast, engine: Engine, options: QueuePartOptions) {
    this.#client = client;
    this.engine = engine;
    this.#tasks = new NewTasks(options.mintId ?? mintId);
    this.#onMoved = options.onMoved;
    this.#durability = new DurabilityGate(client, engine);
    this.#opening = new PartOpening(client, engine, this.#durability);
    this.#buffer = new CallBuffer(engine, options.lingerMs);
    this.#durable = new DurableEnqueues(client, this.#durability, this.#opening, this.#tasks, this.#buffer);
  }

  /** Connects and registers this part: see `Queue.ready`. */
  ready(): Promise<void> {
    return this.#opening.ready();
  }

  /** Enqueues one task: see `Queue.enqueueText`. The options were checked already. */
  add(
    type: string,
    payloadText: string,
    options: FingerprintedOptions | undefined,
    trace: TraceContext | undefined,
  ): Promise<EnqueueReceipt> {
    let prepared: PreparedTask;
    try {
      const now = this.#client.connection.now();
      prepared = this.#tasks.prepare(type, payloadText, options, options?.fingerprint, now, trace);
    } catch (error) {
      return Promise.reject(error);
    }
    const promise = new Promise(keepSettlers);
    const asked = new AskedTask(prepared, type, payloadText, options, trace, this.#onMoved);
    if (this.#opening.isOpen && !this.#durability.isOld) this.#send(asked);
    else this.#sendOnceReady(asked);
    return promise;
  }

  /** Whether a task has to reach more than memory. Its own option overrides the setting of the queue. */
  #isDurable(options: TaskOptions | undefined): boolean {
    return (options?.durability ?? this.#durability.default) !== "memory";
  }

  #send(asked: AskedTask): void {
    if (!this.#isDurable(asked.options)) this.#buffer.push(asked.task, asked, 0);
    else this.#durable.add(asked).then(asked.resolve, (error) => asked.refused(0, error));
  }

  #sendOnceReady(asked: AskedTask): void {
    const send = async () => this.#send(asked);
    this.#early.run(send, () => this.#opening.enter()).catch((error) => asked.refused(0, error));
  }

  /** Enqueues many tasks: see `Queue.enqueueMany`. */
  async addMany(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    const refusal = await this.#opening.refusal();
    if (refusal) return tasks.map((task) => ({ ok: false, id: givenId(task), error: refusal }));
    const now = this.#client.connection.now();
    return inBatch(tasks, (given, place, sink) => {
      const task = flatTask(given);
      const options = optionsOfNewTask(task);
      const { type } = task;
      const payloadText = task.payloadText ?? payloadTextOf(task.payload);
      if (task.payloadText !== undefined) checkWellFormed(payloadText);
      const own = options === undefined ? trace : (traceOf(options) ?? trace);
      const prepared = this.#tasks.prepare(type, payloadText, options, task.fingerprint, now, own);
      if (!this.#isDurable(options)) this.#buffer.push(prepared, sink, place);
      else {
        this.#durable.add({ type, payloadText, options, trace: own }).then(
          (receipt) => sink.accepted(place, receipt),
          (error) => sink.refused(place, error),
        );
      }
    });
  }

  /** Enqueues tasks in columns: see `Queue.enqueueColumns`. @param headers the result of `headersOf` */
  async addColumns(
    tasks: TaskColumns,
    headers: Map<string, ViewedBytes>,
    trace: TraceContext | undefined,
  ): Promise<ColumnsResult> {
    const refusal = await this.#opening.refusal();
    if (refusal) {
      const error = refusal;
      return { ids: null, results: tasks.types.map(() => ({ ok: false, id: null, error })) };
    }
    if (this.#tasks.mintId !== mintId || this.#isDurable(undefined))
      return { ids: null, results: await this.addMany(toTasks(tasks), trace) };
    return new Promise((resolve) => {
      this.#buffer.pushRun(new PlainRun(this.engine.queue, tasks, headers, resolve));
    });
  }

  /** Runs a call that stores nodes of a flow, and waits until they have the durability of the queue. */
  storeNodes<Result>(flow: string, call: () => Promise<Result>): Promise<Result> {
    return this.#durable.storeNodes(flow, call);
  }

  /** Sends all collected tasks. May be called several times. */
  async close(): Promise<void> {
    // First, enqueues that wait for the registration have to be added to the buffer.
    await this.#opening.close();
    await new Promise(setImmediate);
    await this.#buffer.drain();
    await this.#durable.ended();
  }
}

/** A single enqueue, and the functions that settle its promise. */
export class AskedTask implements EnqueueSink {
  readonly task: PreparedTask;
  readonly type: string;
  readonly payloadText: string;
  readonly options: TaskOptions | undefined;
  readonly trace: TraceContext | undefined;
  readonly resolve: (receipt: EnqueueReceipt) => void;
  readonly reject: (error: unknown) => void;
  readonly #onMoved: (task: AskedTask) => void;

  constructor(
    task: PreparedTask,
    type: string,
    payloadText: string,
    options: TaskOptions | undefined,
    trace: TraceContext | undefined,
    onMoved: (task: AskedTask) => void,
  ) {
    this.task = task;
    this.type = type;
    this.payloadText = payloadText;
    this.options = options;
    this.trace = trace;
    this.resolve = settlers.resolve;
    this.reject = settlers.reject;
    this.#onMoved = onMoved;
  }

  accepted(_place: number, receipt: EnqueueReceipt): void {
    this.resolve(receipt);
  }

  refused(_place: number, error: unknown): void {
    if (partsChanged(error)) this.#onMoved(this);
    else this.reject(error);
  }
}

// `new Promise(keepSettlers)` stores its two functions here, and the AskedTask that is created next takes them. No
// other promise may be created in between. An executor for each task would be one more closure per task (hot path).
const settlers: { resolve: (receipt: EnqueueReceipt) => void; reject: (error: unknown) => void } = {
  resolve: () => {},
  reject: () => {},
};
export function keepSettlers(
  resolve: (receipt: EnqueueReceipt) => void,
  reject: (error: unknown) => void,
): void {
  settlers.resolve = resolve;
  settlers.reject = reject;
}
