import {
  asHoldfastError,
  type FingerprintedOptions,
  HoldfastError,
  type TaskOptions,
} from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { bandOf, encodeEnvelope, traceOf } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkTaskType } from "../engine/names.ts";
import { partsChanged } from "../engine/registry.ts";
import { flatTask, type NewTask, optionsOfNewTask } from "../engine/task-options.ts";
import type { DurabilityWish } from "../redis/durability.ts";
import type { ViewedBytes } from "../redis/tail-bytes.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import { UnderWay } from "../under-way.ts";
import { CallBuffer } from "./call-buffer.ts";
import { type ColumnsResult, toTasks } from "./columns.ts";
import { DurabilityGate } from "./durability.ts";
import {
  AskedTask,
  type EnqueueReceipt,
  type EnqueueResult,
  type EnqueueSink,
  keepSettlers,
  type PreparedTask,
} from "./enqueue-call.ts";
import { mintId } from "./mint-ids.ts";
import { PlainRun } from "./plain-call.ts";
import { checkPayloadBytes, checkWellFormed, givenId, payloadTextOf } from "./task-checks.ts";

type DurableTask = Pick<AskedTask, "type" | "payloadText" | "options" | "trace">;

/** The settings that a part gets from its queue. */
export interface QueuePartOptions {
  lingerMs: number;
  /** Mints the id of a task that has none. @default 14 random characters */
  mintId?: (() => string) | undefined;
  /** Called with a task that was refused and not stored because the queue now has other parts. */
  onMoved(task: AskedTask): void;
}

/** The producer's side of one part of a queue: the queue itself, or one of its partitions. */
export class QueuePart {
  readonly engine: Engine;
  readonly #client: Holdfast;
  readonly #buffer: CallBuffer;
  readonly #durability: DurabilityGate;
  readonly #mintId: () => string;
  readonly #onMoved: QueuePartOptions["onMoved"];
  #registered: Promise<void> | undefined;
  #isRegistered = false;
  readonly #early: AskedTask[] = [];
  /** Calls that began before `close` and have not yet put their tasks into the buffer. */
  readonly #entering = new UnderWay();
  /** Enqueues that wait until a disk or a replica has confirmed their task. */
  readonly #confirming = new UnderWay();
  #closed = false;
  // Most tasks have the same type and the same millisecond as the task before, so the header is kept. The first value
  // has to be a valid type, because a type that equals the kept one is not checked.
  #headerType = "t";
  #headerAt = 0;
  #header = "";

  constructor(client: Holdfast, engine: Engine, options: QueuePartOptions) {
    this.#client = client;
    this.engine = engine;
    this.#mintId = options.mintId ?? mintId;
    this.#onMoved = options.onMoved;
    this.#durability = new DurabilityGate(client, engine);
    this.#buffer = new CallBuffer(engine, options.lingerMs);
  }

  /** Connects and registers this part: see `Queue.ready`. */
  async ready(): Promise<void> {
    try {
      await this.#ready();
    } catch (error) {
      throw asHoldfastError(error);
    }
  }

  /** Enqueues one task: see `Queue.enqueueText`. The options were checked before. */
  add(
    type: string,
    payloadText: string,
    options: FingerprintedOptions | undefined,
    trace: TraceContext | undefined,
  ): Promise<EnqueueReceipt> {
    let prepared: PreparedTask;
    try {
      const now = this.#client.connection.now();
      prepared = this.#prepare(type, payloadText, options, options?.fingerprint, now, trace);
    } catch (error) {
      return Promise.reject(error);
    }
    const promise = new Promise(keepSettlers);
    const asked = new AskedTask(prepared, type, payloadText, options, trace, this.#onMoved);
    if (this.#isRegistered && !this.#closed && !this.#durability.isOld) this.#send(asked);
    else this.#sendOnceReady(asked);
    return promise;
  }

  /**
   * The durability beyond memory that a task has to reach; null if memory is enough. The option of the task overrides
   * the setting of the queue.
   */
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

  /** Sends a task when the queue is registered. All tasks that arrive before that wait in one list. */
  #sendOnceReady(asked: AskedTask): void {
    this.#early.push(asked);
    if (this.#early.length > 1) return;
    this.#enter().then(
      () => {
        for (const each of this.#early.splice(0)) this.#send(each);
      },
      (error) => {
        for (const each of this.#early.splice(0)) each.refused(0, error);
      },
    );
  }

  /** Enqueues many tasks: see `Queue.enqueueMany`. */
  async addMany(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    const refusal = await this.#refusal();
    if (refusal) return tasks.map((task) => ({ ok: false, id: givenId(task), error: refusal }));
    return new Promise((resolve) => {
      const results = new Array<EnqueueResult>(tasks.length);
      let open = tasks.length;
      if (open === 0) resolve(results);
      const end = (place: number, result: EnqueueResult) => {
        results[place] = result;
        if (--open === 0) resolve(results);
      };
      const sink: EnqueueSink = {
        accepted: (place, receipt) => end(place, { ok: true, receipt }),
        refused: (place, error) => {
          const known = asHoldfastError(error);
          end(place, { ok: false, id: known.taskId ?? givenId(tasks[place]), error: known });
        },
      };
      const now = this.#client.connection.now();
      for (let place = 0; place < tasks.length; place++) {
        try {
          const task = flatTask(tasks[place] as NewTask);
          const options = optionsOfNewTask(task);
          const { type } = task;
          const text = task.payloadText ?? payloadTextOf(task.payload);
          if (task.payloadText !== undefined) checkWellFormed(text);
          const own = options === undefined ? trace : (traceOf(options) ?? trace);
          const prepared = this.#prepare(type, text, options, task.fingerprint, now, own);
          const wish = this.#wishOf(options);
          if (wish === null) this.#buffer.push(prepared, sink, place);
          else {
            this.#addDurably({ type, payloadText: text, options, trace: own }, wish).then(
              (receipt) => sink.accepted(place, receipt),
              (error) => sink.refused(place, error),
            );
          }
        } catch (error) {
          sink.refused(place, error);
        }
      }
    });
  }

  /** Enqueues tasks in columns: see `Queue.enqueueColumns`. @param headers from `headersOf`, by type */
  async addColumns(
    tasks: TaskColumns,
    headers: Map<string, ViewedBytes>,
    trace: TraceContext | undefined,
  ): Promise<ColumnsResult> {
    const refusal = await this.#refusal();
    if (refusal) {
      const error = refusal;
      return { ids: null, results: tasks.types.map(() => ({ ok: false, id: null, error })) };
    }
    if (this.#mintId !== mintId || this.#wishOf(undefined) !== null)
      return { ids: null, results: await this.addMany(toTasks(tasks), trace) };
    return new Promise((resolve) => {
      this.#buffer.pushRun(new PlainRun(this.engine.queue, tasks, headers, resolve));
    });
  }

  /** Runs a call that stores nodes of a flow, and waits until they have the durability of the queue. */
  storeNodes<Result>(flow: string, call: () => Promise<Result>): Promise<Result> {
    const store = async () => {
      const refusal = await this.#refusal();
      if (refusal) throw refusal;
      const wish = this.#wishOf(undefined);
      if (wish) await this.#durability.refuseImpossible(wish);
      const result = await call();
      if (wish) await this.#durability.confirm(flow, wish);
      return result;
    };
    return this.#confirming.add(store());
  }

  /** Sends the tasks that were gathered. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    // Enqueues that wait for the registration have to enter the buffer first.
    await this.#entering.ended();
    await this.#registered?.catch(() => {});
    await new Promise(setImmediate);
    await this.#buffer.drain();
    await this.#confirming.ended();
  }

  /**
   * Enqueues a task that a disk or a replica has to confirm. Its id is looked up even if the library minted it, and the
   * library makes its fingerprint. If the outcome is unknown, the caller sends the task again with this id.
   */
  #addDurably(task: DurableTask, wish: DurabilityWish): Promise<EnqueueReceipt> {
    return this.#confirming.add(this.#addConfirmed(task, wish));
  }

  async #addConfirmed(
    { type, payloadText, options, trace }: DurableTask,
    wish: DurabilityWish,
  ): Promise<EnqueueReceipt> {
    const id = options?.id ?? this.#mintId();
    const now = this.#client.connection.now();
    const prepared = this.#prepare(type, payloadText, { ...options, id }, undefined, now, trace);
    await this.#durability.refuseImpossible(wish);
    const receipt = await this.#buffer.add(prepared);
    await this.#durability.confirm(receipt.id, wish);
    return { ...receipt, durability: wish.durability };
  }

  /**
   * Waits until the queue is registered and its durability is known.
   * @returns the refusal if the queue has other parts now; otherwise undefined
   * @throws HoldfastError as `ready`
   */
  async #refusal(): Promise<HoldfastError | undefined> {
    if (this.#isRegistered && !this.#closed && !this.#durability.isOld) return undefined;
    try {
      await this.#enter();
      return undefined;
    } catch (error) {
      if (partsChanged(error)) return asHoldfastError(error);
      throw error;
    }
  }

  /** Like `ready`, but `close` waits for the call. */
  #enter(): Promise<void> {
    return this.#entering.add(this.ready());
  }

  async #ready(): Promise<void> {
    if (this.#closed) throw new HoldfastError("closed", `queue "${this.engine.queue}" was closed`);
    if (this.#registered === undefined) {
      this.#registered = this.#client.check().then(() => this.engine.open());
      this.#registered.catch(() => {
        this.#registered = undefined;
      });
    }
    await this.#registered;
    this.#isRegistered = true;
    if (this.#durability.isOld) await this.#durability.reread();
  }

  #prepare(
    type: string,
    payloadText: string,
    options: TaskOptions | undefined,
    fingerprint: string | undefined,
    now: number,
    trace: TraceContext | undefined,
  ): PreparedTask {
    if (type !== this.#headerType) checkTaskType(type);
    checkPayloadBytes(payloadText);
    if (options === undefined) {
      if (trace !== undefined) {
        const envelope = encodeEnvelope(type, now, payloadText, undefined, undefined, trace);
        return { id: this.#mintId(), idIs: "minted", band: "normal", envelope };
      }
      if (now !== this.#headerAt || type !== this.#headerType) {
        this.#headerAt = now;
        this.#headerType = type;
        this.#header = encodeEnvelope(type, now, "");
      }
      return { id: this.#mintId(), idIs: "minted", band: "normal", envelope: this.#header + payloadText };
    }
    const band = bandOf(options);
    const isUnique = options.unique !== undefined;
    if (options.id === undefined) {
      return {
        id: this.#mintId(),
        idIs: "minted",
        band,
        isUnique,
        envelope: encodeEnvelope(type, now, payloadText, options, undefined, trace),
      };
    }
    const print = fingerprint ?? fingerprintOf(type, payloadText, options);
    return {
      id: options.id,
      idIs: options.ifEnded === "duplicate" ? "once" : "given",
      band,
      isUnique,
      envelope: encodeEnvelope(type, now, payloadText, options, print, trace),
    };
  }
}
