import type { FingerprintedOptions, TaskOptions } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { partsChanged } from "../engine/registry.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { BatchEnqueues } from "./batch-enqueues.ts";
import { CallBuffer } from "./call-buffer.ts";
import { DurabilityGate } from "./durability.ts";
import { DurableEnqueues } from "./durable-enqueues.ts";
import { EarlyCalls } from "./early-calls.ts";
import { mintId } from "./mint-ids.ts";
import { NewTasks, type PreparedTask } from "./new-task.ts";
import { PartOpening } from "./part-opening.ts";
import type { EnqueueReceipt, EnqueueSink } from "./receipt.ts";

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
  readonly batches: BatchEnqueues;
  readonly #client: Holdfast;
  readonly #tasks: NewTasks;
  readonly #durability: DurabilityGate;
  readonly #durable: DurableEnqueues;
  readonly #opening: PartOpening;
  readonly #buffer: CallBuffer;
  readonly #onMoved: QueuePartOptions["onMoved"];
  /** The tasks that came before the queue was registered. */
  readonly #early = new EarlyCalls();

  constructor(client: Holdfast, engine: Engine, options: QueuePartOptions) {
    const { queue } = engine;
    const tasks = new NewTasks(options.mintId ?? mintId);
    const durability = new DurabilityGate(client, engine);
    const opening = new PartOpening(client, engine, durability);
    const buffer = new CallBuffer(engine, options.lingerMs);
    const part = { client, queue, tasks, durability, opening, buffer };
    this.engine = engine;
    this.#client = client;
    this.#tasks = tasks;
    this.#durability = durability;
    this.#opening = opening;
    this.#buffer = buffer;
    this.#onMoved = options.onMoved;
    this.#durable = new DurableEnqueues(part);
    this.batches = new BatchEnqueues(part, this.#durable);
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

  #send(asked: AskedTask): void {
    const durability = asked.options?.durability ?? this.#durability.default;
    if (durability === "memory") this.#buffer.push(asked.task, asked, 0);
    else this.#durable.add(asked).then(asked.resolve, (error) => asked.refused(0, error));
  }

  #sendOnceReady(asked: AskedTask): void {
    const send = async () => this.#send(asked);
    this.#early.run(send, () => this.#opening.enter()).catch((error) => asked.refused(0, error));
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
function keepSettlers(resolve: (receipt: EnqueueReceipt) => void, reject: (error: unknown) => void): void {
  settlers.resolve = resolve;
  settlers.reject = reject;
}
