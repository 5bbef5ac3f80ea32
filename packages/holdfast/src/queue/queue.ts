import { asHoldfastError, HoldfastError, LIMITS, type TaskOptions, type TaskView } from "@holdfast/contracts";
import { clientOf, type Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { bandOf, encodeEnvelope, traceOf } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkQueueName, checkTaskId, checkTaskType } from "../engine/names.ts";
import {
  type FingerprintedOptions,
  flatTask,
  type NewTask,
  optionsOfNewTask,
  taskKinds,
  taskShape,
  taskTextShape,
} from "../engine/task-options.ts";
import { taskView } from "../engine/task-view.ts";
import { checkArgument, checkShape, shown } from "../options/shape.ts";
import type { DurabilityWish } from "../redis/durability.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";
import { AskedTask, keepSettlers } from "./asked-task.ts";
import { DurabilityGate } from "./durability.ts";
import {
  EnqueueBuffer,
  type EnqueueReceipt,
  type EnqueueResult,
  type EnqueueSink,
  type PreparedTask,
} from "./enqueue-buffer.ts";
import { mintId } from "./mint-ids.ts";
import { PlainBuffer, PlainRun } from "./plain-buffer.ts";
import { checkPlain, headersOf, type PlainResult, type PlainTasks, toTasks } from "./plain-tasks.ts";
import {
  type EnqueueManyOptions,
  enqueueManyShape,
  type QueueOptions,
  queueShape,
  type WaitOptions,
  waitForShape,
  waitShape,
} from "./queue-options.ts";
import { isTerminal, waitForTask } from "./wait.ts";

export type { NewTask } from "../engine/task-options.ts";
export type { EnqueueManyOptions, QueueOptions, WaitOptions } from "./queue-options.ts";

type DurableTask = Pick<AskedTask, "type" | "payloadText" | "options" | "trace">;

/** Checks a text that a caller gave. The output of `JSON.stringify` is well-formed, and a check would copy it. */
function checkWellFormed(payloadText: string): void {
  if (typeof payloadText !== "string")
    throw new HoldfastError("invalid_argument", `payloadText has to be JSON text, got ${shown(payloadText)}`);
  if (payloadText.isWellFormed()) return;
  throw new HoldfastError("invalid_argument", "the payload text has a lone surrogate: write it as an escape");
}

/** The producer's side of one queue. */
export class Queue {
  readonly name: string;
  readonly #client: Holdfast;
  readonly #ownsClient: boolean;
  readonly #engine: Engine;
  readonly #buffer: EnqueueBuffer;
  readonly #plain: PlainBuffer;
  readonly #durability: DurabilityGate;
  readonly #mintId: () => string;
  readonly #tracing: Tracing | undefined;
  #registered: Promise<void> | undefined;
  #isRegistered = false;
  readonly #early: AskedTask[] = [];
  /** Calls that `close` has to wait for: they began before it, and have nothing in a buffer yet. */
  readonly #entering = new Set<Promise<unknown>>();
  #closed = false;
  // Most tasks have the type of the one before, and come within the same millisecond. A valid type from the start: what
  // equals it is valid too.
  #headerType = "t";
  #headerAt = 0;
  #header = "";

  /** @throws HoldfastError invalid_queue_name, invalid_argument */
  constructor(name: string, options: QueueOptions) {
    this.name = checkQueueName(name);
    checkShape(queueShape, options);
    const { lingerMs = 0, mintId: mint } = options;
    const { client, isOwn } = clientOf(options);
    this.#ownsClient = isOwn;
    this.#client = client;
    this.#mintId =
      mint === undefined ? mintId : () => checkArgument("what mintId makes", taskKinds.id, mint());
    this.#tracing = this.#client.tracing;
    this.#engine = this.#client.engine(name);
    this.#durability = new DurabilityGate(this.#client, this.#engine);
    this.#buffer = new EnqueueBuffer(this.#engine, lingerMs);
    this.#plain = new PlainBuffer(this.#engine, lingerMs);
  }

  /**
   * Connects, runs the boot checks, registers the queue and reads its durability. Without this call the first enqueue does all
   * that and has to wait for it.
   * @throws HoldfastError redis_unavailable, redis_unsupported, closed
   */
  async ready(): Promise<void> {
    try {
      await this.#ready();
    } catch (error) {
      throw asHoldfastError(error);
    }
  }

  /**
   * Accepts one task: it is stored when this resolves. Calls of the same event-loop turn share a script call.
   * @throws HoldfastError invalid_*, payload_too_large, task_conflict, queue_full, redis_*, outcome_unknown (retry with `error.taskId`)
   */
  enqueue(type: string, payload: unknown, options?: TaskOptions): Promise<EnqueueReceipt> {
    // No `async`: a promise more per task would be a tenth of its cost.
    try {
      if (options !== undefined) checkShape(taskShape, options);
      return this.#accept(type, this.#stringify(payload), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like `enqueue`, with the payload as JSON text that is kept byte by byte. The caller vouches that it is JSON. */
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
    return this.#tracing === undefined
      ? this.#enqueue(type, payloadText, options, options && traceOf(options))
      : this.#enqueueTraced(this.#tracing, type, payloadText, options);
  }

  #enqueueTraced(
    tracing: Tracing,
    type: string,
    payloadText: string,
    options: FingerprintedOptions | undefined,
  ): Promise<EnqueueReceipt> {
    const span = tracing.enqueue({ queue: this.name, type, count: 1, parent: traceOf(options) });
    const stored = this.#enqueue(type, payloadText, options, span.context);
    stored.then(
      (receipt) => span.end(receipt),
      (error) => span.end({ error }),
    );
    return stored;
  }

  #enqueue(
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
    const asked = new AskedTask(prepared, type, payloadText, options, trace);
    if (this.#isRegistered && !this.#closed && !this.#durability.isOld) this.#send(asked);
    else this.#sendOnceReady(asked);
    return promise;
  }

  #send(asked: AskedTask): void {
    const wish = this.#durability.wishOf(asked.options);
    if (wish === null) this.#buffer.push(asked.task, asked, 0);
    else this.#addDurably(asked, wish).then(asked.resolve, asked.reject);
  }

  /** All that come before the queue is known wait in one list, for one answer. */
  #sendOnceReady(asked: AskedTask): void {
    this.#early.push(asked);
    if (this.#early.length > 1) return;
    this.#enter().then(
      () => {
        for (const each of this.#early.splice(0)) this.#send(each);
      },
      (error) => {
        for (const each of this.#early.splice(0)) each.reject(error);
      },
    );
  }

  /**
   * One result per task, in the order given. A task that is refused does not stop the others. Calls of the same turn share
   * script calls too.
   * @param tasks each in the shape of HTTP and NDJSON: `{ type, payload, delayMs, … }`, or `{ type, payload, options }`
   * @throws HoldfastError invalid_argument (no array), closed, redis_*
   */
  async enqueueMany(tasks: readonly NewTask[], options: EnqueueManyOptions = {}): Promise<EnqueueResult[]> {
    checkBatch(tasks);
    checkShape(enqueueManyShape, options);
    if (this.#tracing === undefined) return this.#enqueueMany(tasks, options.trace);
    const [only] = tasks;
    const span = this.#tracing.enqueue({
      queue: this.name,
      count: tasks.length,
      parent: options.trace,
      ...(tasks.length === 1 && only ? { type: only.type } : {}),
    });
    try {
      const results = await this.#enqueueMany(tasks, span.context);
      const refused = results.find((result) => !result.ok);
      if (refused) span.end({ error: refused.error });
      else span.end(results.length === 1 && results[0]?.ok ? results[0].receipt : {});
      return results;
    } catch (error) {
      span.end({ error });
      throw error;
    }
  }

  async #enqueueMany(tasks: readonly NewTask[], trace: TraceContext | undefined): Promise<EnqueueResult[]> {
    if (!this.#isRegistered || this.#closed || this.#durability.isOld) await this.#enter();
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
          const text = task.payloadText ?? this.#stringify(task.payload);
          if (task.payloadText !== undefined) checkWellFormed(text);
          const own = options === undefined ? trace : (traceOf(options) ?? trace);
          const prepared = this.#prepare(type, text, options, task.fingerprint, now, own);
          const wish = this.#durability.wishOf(options);
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

  /**
   * Like `enqueueMany`, for tasks that have nothing but a type and a payload: without an object per task, for a third of
   * the cost. The caller vouches that each payload is JSON in UTF-8, and leaves the bytes as they are until this resolves.
   * @throws HoldfastError closed, redis_*, invalid_argument (bytes, types or spans)
   */
  async enqueuePlain(tasks: PlainTasks, options: EnqueueManyOptions = {}): Promise<PlainResult> {
    checkPlain(tasks);
    checkShape(enqueueManyShape, options);
    const { trace } = options;
    if (!this.#isRegistered || this.#closed || this.#durability.isOld) await this.#enter();
    const headers = headersOf(tasks, this.#client.connection.now(), trace);
    const isPlain =
      this.#tracing === undefined && this.#mintId === mintId && this.#durability.wishOf(undefined) === null;
    if (headers === undefined || headers.size === 0 || !isPlain)
      return { ids: null, results: await this.enqueueMany(toTasks(tasks), { trace }) };
    return new Promise((resolve) => {
      this.#plain.push(new PlainRun(this.name, tasks, headers, resolve));
    });
  }

  /** Looks a task up; null if nothing is known about it. */
  async get(id: string): Promise<TaskView | null> {
    checkTaskId(id);
    const [raw] = await this.#engine.get([id]);
    return raw ? taskView(this.name, raw) : null;
  }

  /** Ends a waiting task at once; asks the worker of a running one to stop. */
  async cancel(id: string): Promise<"cancelled" | "requested" | "too_late" | "not_found"> {
    checkTaskId(id);
    return this.#engine.cancel(id);
  }

  /**
   * The task as it is once terminal, or as it is after `waitMs`; null where no task has the id.
   * @throws HoldfastError task_not_kept: it ended, or an operator removed it, and the queue keeps nothing of it; also where
   * the queue keeps no ended tasks at all (a retention of 0), so that this cannot be told from an unknown id
   */
  async wait(id: string, options: WaitOptions & { waitMs: number }): Promise<TaskView | null> {
    checkShape(waitForShape, options);
    return waitForTask(this.#engine, id, options);
  }

  /**
   * The task once it is terminal; null if it still waits or runs after `waitMs`, or if no task has the id.
   * @throws HoldfastError task_not_kept, as `wait` does
   */
  async result(id: string, options: WaitOptions = {}): Promise<TaskView | null> {
    checkShape(waitShape, options);
    const { waitMs = LIMITS.waitMs, signal } = options;
    const task = await this.wait(id, { waitMs, signal });
    return task && isTerminal(task) ? task : null;
  }

  /** Sends the tasks that wait, then closes the connection if it is the queue's own. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    // Enqueues that still wait for the registration get into the buffer first.
    while (this.#entering.size > 0) await Promise.allSettled(this.#entering);
    await this.#registered?.catch(() => {});
    await new Promise(setImmediate);
    await this.#buffer.drain();
    await this.#plain.drain();
    await this.#durability.drain();
    if (this.#ownsClient) await this.#client.close();
  }

  /**
   * Such a task is looked up by its id even if the id was minted here, and the library always makes its fingerprint: after an
   * unknown outcome the caller sends the task again, with the id in the options.
   */
  #addDurably(task: DurableTask, wish: DurabilityWish): Promise<EnqueueReceipt> {
    return this.#durability.during(this.#addConfirmed(task, wish));
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
    await this.#durability.confirm(id, wish);
    return { ...receipt, durability: wish.durability };
  }

  /** As `ready`; `close` waits for it. */
  #enter(): Promise<void> {
    const entering = this.ready();
    this.#entering.add(entering);
    const done = () => this.#entering.delete(entering);
    entering.then(done, done);
    return entering;
  }

  async #ready(): Promise<void> {
    if (this.#closed) throw new HoldfastError("closed", `queue "${this.name}" was closed`);
    if (this.#registered === undefined) {
      this.#registered = this.#client.check().then(() => this.#engine.open());
      this.#registered.catch(() => {
        this.#registered = undefined;
      });
    }
    await this.#registered;
    this.#isRegistered = true;
    if (this.#durability.isOld) await this.#durability.reread();
  }

  #stringify(payload: unknown): string {
    let text: string | undefined;
    try {
      text = JSON.stringify(payload);
    } catch (error) {
      throw new HoldfastError(
        "invalid_argument",
        `the payload has no JSON form: ${error instanceof Error ? error.message : error}`,
        { cause: error },
      );
    }
    if (text === undefined)
      throw new HoldfastError(
        "invalid_argument",
        "the payload has no JSON form: it is undefined, a function or a symbol",
      );
    return text;
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
    // A character has three bytes at most: most texts need not be measured.
    const { payloadBytes } = LIMITS;
    if (payloadText.length * 3 > payloadBytes && Buffer.byteLength(payloadText) > payloadBytes) {
      throw new HoldfastError(
        "payload_too_large",
        `the payload has more than ${LIMITS.payloadBytes} bytes: store it elsewhere and enqueue a reference`,
      );
    }
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
    if (options.id === undefined) {
      return {
        id: this.#mintId(),
        idIs: "minted",
        band,
        envelope: encodeEnvelope(type, now, payloadText, options, undefined, trace),
      };
    }
    const print = fingerprint ?? fingerprintOf(type, payloadText, options);
    return {
      id: options.id,
      idIs: options.ifEnded === "duplicate" ? "once" : "given",
      band,
      envelope: encodeEnvelope(type, now, payloadText, options, print, trace),
    };
  }
}

/** @throws HoldfastError invalid_argument */
export function checkBatch(tasks: readonly unknown[]): void {
  if (!Array.isArray(tasks))
    throw new HoldfastError(
      "invalid_argument",
      `enqueueMany takes an array of tasks, { type, payload, … }, got ${shown(tasks)}`,
    );
}

/** The id that a task of a batch brought, whatever it is made of. */
export function givenId(task: NewTask | null | undefined): string | null {
  const id: unknown = task?.id ?? task?.options?.id;
  return typeof id === "string" ? id : null;
}
