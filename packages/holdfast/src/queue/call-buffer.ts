import { LIMITS } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import type { EnqueueAnswer } from "../engine/enqueue-answer.ts";
import { soon } from "../soon.ts";
import { EnqueueCall } from "./enqueue-call.ts";
import type { PreparedTask } from "./new-task.ts";
import { PlainCall, type PlainRun } from "./plain-call.ts";
import type { EnqueueReceipt, EnqueueSink } from "./receipt.ts";

// Each call has a fixed cost, so while two calls are unanswered, further tasks are collected for the next one. With two
// calls Redis always has work: the second one waits there while the first one runs.
const IN_FLIGHT = 2;
// If the replies take longer than this, the next call is sent without waiting for them, ms.
const GATHER_MS = 20;

/**
 * The calls that collect tasks now. Tasks with ids from callers are in calls of their own, because these calls have to
 * look for tasks with the same ids. Ids of the library are always new.
 */
interface CallsByKind {
  minted?: EnqueueCall | undefined;
  given?: EnqueueCall | undefined;
  once?: EnqueueCall | undefined;
  plain?: PlainCall | undefined;
}

/** Collects enqueues into as few script calls as possible. */
export class CallBuffer {
  readonly #engine: Engine;
  readonly #lingerMs: number;
  readonly #gathering: CallsByKind = {};
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #inFlight = new Set<Promise<void>>();

  /**
   * @param lingerMs how long a task may wait for others to share its call, ms. 0: until the end of the turn of the
   * event loop
   */
  constructor(engine: Engine, lingerMs = 0) {
    this.#engine = engine;
    this.#lingerMs = lingerMs;
  }

  add(task: PreparedTask): Promise<EnqueueReceipt> {
    return new Promise((resolve, reject) => {
      this.push(
        task,
        { accepted: (_, receipt) => resolve(receipt), refused: (_, error) => reject(error) },
        0,
      );
    });
  }

  /** Adds one task. `sink` gets its outcome. */
  push(task: PreparedTask, sink: EnqueueSink, place: number): void {
    const { idIs } = task;
    let call = this.#gathering[idIs];
    if (call === undefined) {
      call = new EnqueueCall(this.#engine.queue, idIs);
      this.#gathering[idIs] = call;
    }
    call.add(task, sink, place);
    if (call.isFull) this.#flush(idIs);
    else if (!this.#isScheduled) this.#schedule();
  }

  /** Adds tasks of one batch, to a single call if they fit. */
  pushRun(run: PlainRun): void {
    for (let from = 0; from < run.size; ) {
      const count = Math.min(LIMITS.scriptTasks, run.size - from);
      const room = run.roomFor(from, count);
      if (this.#gathering.plain?.hasRoom(count, room) === false) this.#flush("plain");
      this.#gathering.plain ??= new PlainCall(this.#engine.connection.pool, room);
      const call = this.#gathering.plain;
      call.add(run, from, count);
      if (call.isFull) this.#flush("plain");
      from += count;
    }
    if (this.#gathering.plain !== undefined && !this.#isScheduled) this.#schedule();
  }

  #schedule(): void {
    if (this.#lingerMs === 0 && this.#inFlight.size >= IN_FLIGHT) {
      // If the call is sent before the timer ends, the timer is left alone, because stopping it each time would cost
      // more.
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#flushAll();
      }, GATHER_MS);
      return;
    }
    this.#isScheduled = true;
    if (this.#lingerMs > 0) setTimeout(() => this.#flushScheduled(), this.#lingerMs);
    // If no call is unanswered, this call waits only for tasks that are enqueued in the same turn of the event loop.
    else if (this.#inFlight.size === 0) soon(() => this.#flushScheduled());
    else setImmediate(() => this.#flushScheduled());
  }

  #flushScheduled(): void {
    this.#isScheduled = false;
    this.#flushAll();
  }

  /** Sends all collected tasks, and resolves when every call was answered. */
  async drain(): Promise<void> {
    this.#flushAll();
    await Promise.allSettled(this.#inFlight);
  }

  get #isEmpty(): boolean {
    const { minted, given, once, plain } = this.#gathering;
    return minted === undefined && given === undefined && once === undefined && plain === undefined;
  }

  #flushAll(): void {
    this.#flush("minted");
    this.#flush("given");
    this.#flush("once");
    this.#flush("plain");
  }

  #flush(kind: keyof CallsByKind): void {
    const call = this.#gathering[kind];
    if (call === undefined) return;
    this.#gathering[kind] = undefined;
    const sent = this.#send(call);
    this.#inFlight.add(sent);
    void sent.finally(() => {
      this.#inFlight.delete(sent);
      if (!this.#isEmpty && !this.#isScheduled && this.#inFlight.size < IN_FLIGHT) this.#schedule();
    });
  }

  async #send(call: EnqueueCall | PlainCall): Promise<void> {
    let answer: EnqueueAnswer;
    try {
      answer = await this.#engine.enqueue(call.args());
    } catch (error) {
      call.failed(error);
      return;
    }
    call.answered(answer);
  }
}
