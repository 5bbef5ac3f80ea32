import { LIMITS } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import type { EnqueueAnswer, EnqueueArgs } from "../engine/enqueue-answer.ts";
import { BAND_ORDER, type Band } from "../engine/envelope.ts";
import type { PreparedTask } from "./new-task.ts";
import { PlainCall, type PlainRun } from "./plain-call.ts";
import type { EnqueueReceipt, EnqueueSink } from "./receipt.ts";
import { failureOf, NotNew } from "./refusals.ts";

// Each call has a fixed cost, so while two calls are unanswered, further tasks are collected for the next one. With two
// calls Redis always has work: the second one waits there while the first one runs.
const IN_FLIGHT = 2;
// `queueMicrotask` takes several times as long after a pause, because Node makes a resource for each callback.
const NOW = Promise.resolve();
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

  /** @param lingerMs how long a task may wait to share a call, ms. 0: until the end of the turn of the event loop */
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
      // The timer is not stopped when the call is sent earlier, because stopping it each time would cost more.
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#flushAll();
      }, GATHER_MS);
      return;
    }
    this.#isScheduled = true;
    if (this.#lingerMs > 0) setTimeout(() => this.#flushScheduled(), this.#lingerMs);
    // If no call is unanswered, this call waits only for tasks that are enqueued in the same turn of the event loop.
    else if (this.#inFlight.size === 0) void NOW.then(() => this.#flushScheduled());
    else setImmediate(() => this.#flushScheduled());
  }

  #flushScheduled(): void {
    this.#isScheduled = false;
    this.#flushAll();
  }

  /** Sends all collected tasks, and resolves when every call has been answered. */
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

// The most tasks and payload characters of one script call. Larger calls cost less per task, but block Redis longer.
const CALL_TASKS = LIMITS.scriptTasks;
const CALL_CHARACTERS = 262_144;

/** The tasks of one script call, in the order in which they came. */
class EnqueueCall {
  readonly #queue: string;
  readonly #idIs: PreparedTask["idIs"];
  #isUnique = false;
  /** The last arguments of the script: id, envelope, id, envelope, … */
  tail: string[] = [];
  sinks: EnqueueSink[] = [];
  places: number[] = [];
  /** The band (pending list) of each task. Undefined while all are in the normal band and need no sorting. */
  bands: Band[] | undefined;
  #characters = 0;

  constructor(queue: string, idIs: PreparedTask["idIs"]) {
    this.#queue = queue;
    this.#idIs = idIs;
  }

  get isFull(): boolean {
    return this.size >= CALL_TASKS || this.#characters >= CALL_CHARACTERS;
  }

  get size(): number {
    return this.sinks.length;
  }

  add(task: Omit<PreparedTask, "idIs">, sink: EnqueueSink, place: number): void {
    const { id, envelope, band } = task;
    if (task.isUnique) this.#isUnique = true;
    if (band !== "normal") this.bands ??= this.sinks.map(() => "normal");
    this.bands?.push(band);
    this.tail.push(id, envelope);
    this.#characters += envelope.length;
    this.sinks.push(sink);
    this.places.push(place);
  }

  /** Returns the arguments of the script, when no task is added any more. */
  args(): EnqueueArgs {
    const [high = 0, normal = 0, low = 0, keyed = 0] = this.#order();
    const checked = this.#idIs !== "minted";
    const once = this.#idIs === "once";
    return { checked, once, unique: this.#isUnique, high, normal, low, keyed, tail: this.tail };
  }

  /** Sorts the tasks by band, as the script expects them. @returns how many tasks each band has */
  #order(): number[] {
    const { bands, tail, sinks, places } = this;
    if (bands === undefined) return [0, sinks.length, 0, 0, 0];
    this.tail = [];
    this.sinks = [];
    this.places = [];
    this.bands = [];
    return BAND_ORDER.map((band) => {
      const before = this.size;
      for (let i = 0; i < bands.length; i++) {
        if (bands[i] !== band) continue;
        const task = { id: tail[2 * i] as string, envelope: tail[2 * i + 1] as string, band };
        this.add(task, sinks[i] as EnqueueSink, places[i] as number);
      }
      return this.size - before;
    });
  }

  answered(reply: EnqueueAnswer): void {
    const { tail, sinks, places, bands } = this;
    let others: NotNew | undefined;
    for (let i = 0; i < sinks.length; i++) {
      const id = tail[2 * i] as string;
      const sink = sinks[i] as EnqueueSink;
      const place = places[i] as number;
      const verdict = reply.verdicts[i];
      if (verdict === "n" || verdict === "p" || verdict === "a") {
        const isScheduled = verdict === "a" || (verdict === "n" && bands?.[i] === "scheduled");
        const state = isScheduled ? "scheduled" : "pending";
        sink.accepted(place, { id, state, duplicate: false, willRun: true, durability: "memory" });
      } else {
        others ??= new NotNew(this.#queue, reply);
        others.answer(sink, place, id, verdict);
      }
    }
  }

  failed(error: unknown): void {
    const { tail, sinks, places } = this;
    for (let i = 0; i < sinks.length; i++)
      sinks[i]?.refused(places[i] as number, failureOf(error, tail[2 * i]));
  }
}
