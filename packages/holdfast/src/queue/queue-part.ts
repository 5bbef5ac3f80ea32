import type { FingerprintedOptions, TaskOptions } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { traceOf } from "../engine/envelope.ts";
import { partsChanged } from "../engine/registry.ts";
import { flatTask, type NewTask, optionsOfNewTask } from "../engine/task-options.ts";
import type { DurabilityWish } from "../redis/durability.ts";
import type { ViewedBytes } from "../redis/tail-bytes.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { UnderWay } from "../under-way.ts";
import { inBatch } from "./batch-results.ts";
import { CallBuffer } from "./call-buffer.ts";
import { type ColumnsResult, toTasks } from "./columns.ts";
import { DurabilityGate } from "./durability.ts";
import { EarlyCalls } from "./early-calls.ts";
import { mintId } from "./mint-ids.ts";
import { checkWellFormed, NewTasks, type PreparedTask, payloadTextOf } from "./new-task.ts";
import { PartOpening } from "./part-opening.ts";
import { PlainRun } from "./plain-call.ts";
import type { EnqueueReceipt, EnqueueResult, EnqueueSink } from "./receipt.ts";
import { givenId } from "./task-checks.ts";

type DurableTask = Pick<AskedTask, "type" | "payloadText" | "options" | "trace">;

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
  /** Enqueues that wait until a disk or a replica has confirmed their task. */
  readonly #confirming = new UnderWay();

  constructor(client: Holdfast, engine: Engine, options: QueuePartOptions) {
    this.#client = client;
    this.engine = engine;
    this.#tasks = new NewTasks(options.mintId ?? mintId);
    this.#onMoved = options.onMoved;
    this.#durability = new DurabilityGate(client, engine);
    this.#opening = new PartOpening(client, engine, this.#durability);
    this.#buffer = new CallBuffer(engine, options.lingerMs);
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

  /** Returns the durability of a task, by its own option or the setting of the queue; null if "memory" is enough. */
  #wishOf(options: TaskOptions | undefined): DurabilityWish | null {
    const durability = options?.durability ?? this.#durability.default;
    if (durability === "memory") return null;
    return { durability, replicas: durability === "replicated" ? (options?.replicas ?? 1) : 0 };
  }

  #send(asked: AskedTask): void {
    const wish = this.#wishOf(asked.options);
    if (wish === null) this.#buffer.push(asked.task, asked, 0);
    else this.#addDurably(asked, wish).then(asked.resolve, (error) => asked.refused(0, error));
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
      const wish = this.#wishOf(options);
      if (wish === null) this.#buffer.push(prepared, sink, place);
      else {
        this.#addDurably({ type, payloadText, options, trace: own }, wish).then(
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
    if (this.#tasks.mintId !== mintId || this.#wishOf(undefined) !== null)
      return { ids: null, results: await this.addMany(toTasks(tasks), trace) };
    return new Promise((resolve) => {
      this.#buffer.pushRun(new PlainRun(this.engine.queue, tasks, headers, resolve));
    });
  }

  /** Runs a call that stores nodes of a flow, and waits until they have the durability of the queue. */
  storeNodes<Result>(flow: string, call: () => Promise<Result>): Promise<Result> {
    const store = async () => {
      const refusal = await this.#opening.refusal();
      if (refusal) throw refusal;
      const wish = this.#wishOf(undefined);
      if (wish) await this.#durability.refuseImpossible(wish);
      const result = await call();
      if (wish) await this.#durability.confirm(flow, wish);
      return result;
    };
    return this.#confirming.add(store());
  }

  /** Sends all collected tasks. May be called several times. */
  async close(): Promise<void> {
    // First, enqueues that wait for the registration have to be added to the buffer.
    await this.#opening.close();
    await new Promise(setImmediate);
    await this.#buffer.drain();
    await this.#confirming.ended();
  }

  /**
   * Enqueues a task whose write has to be confirmed. It gets a fingerprint, and is looked for by its id, so that the
   * caller can send it again with this id if the outcome is unknown.
   */
  #addDurably(task: DurableTask, wish: DurabilityWish): Promise<EnqueueReceipt> {
    return this.#confirming.add(this.#addConfirmed(task, wish));
  }

  async #addConfirmed(
    { type, payloadText, options, trace }: DurableTask,
    wish: DurabilityWish,
  ): Promise<EnqueueReceipt> {
    const id = options?.id ?? this.#tasks.mintId();
    const now = this.#client.connection.now();
    const prepared = this.#tasks.prepare(type, payloadText, { ...options, id }, undefined, now, trace);
    await this.#durability.refuseImpossible(wish);
    const receipt = await this.#buffer.add(prepared);
    await this.#durability.confirm(receipt.id, wish);
    return { ...receipt, durability: wish.durability };
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
