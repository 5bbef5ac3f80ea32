import {
  type Durability,
  type HoldfastError,
  LIMITS,
  type TaskOptions,
  type TaskState,
} from "@holdfast/contracts";
import type { EnqueueAnswer, EnqueueArgs } from "../engine/enqueue-answer.ts";
import { BAND_ORDER, type Band } from "../engine/envelope.ts";
import { stateOfLetter } from "../engine/record.ts";
import { partsChanged } from "../engine/registry.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import {
  cannotReplace,
  conflict,
  failureOf,
  keyFull,
  queueFull,
  stopping,
  uniqueConflict,
} from "./refusals.ts";

/** The result of an enqueue. */
export interface EnqueueReceipt {
  /** The id of the task. */
  id: string;
  /** "purged" for a duplicate of a task that has ended, if Redis remembers only its id. */
  state: TaskState | "purged";
  /**
   * The same id with the same body was accepted before, or another task holds the unique key. In both cases this call
   * stored no task.
   */
  duplicate: boolean;
  /** False: the task had ended before this call, so it will not run. Only with `duplicate`. */
  willRun: boolean;
  /** True: another task holds the unique key, and `id` and `state` are those of that task. Absent otherwise. */
  deduplicated?: true;
  /** True, with `deduplicated`: that task got the payload and the options of this call. Absent otherwise. */
  replaced?: true;
  /** The durability that the write has reached. */
  durability: Durability;
}

/** The outcome of one task of `enqueueMany`: its receipt, or the error for which this task was not stored. */
export type EnqueueResult =
  | {
      /** Whether the task was accepted. */
      ok: true;
      /** What was stored. */
      receipt: EnqueueReceipt;
    }
  | {
      ok: false;
      /** The id of the task; null if it has none. */
      id: string | null;
      /** Why the task was refused. */
      error: HoldfastError;
    };

export interface PreparedTask {
  id: string;
  /**
   * "minted": the library made the id. "given": a caller gave the id, so it is looked up. "once": a caller gave the id,
   * and the id stays taken after the task has ended (`ifEnded: "duplicate"`).
   */
  idIs: "minted" | "given" | "once";
  band: Band;
  envelope: string;
  /** The task has a unique key. @default false */
  isUnique?: boolean;
}

/** Receives the outcomes of tasks by their places, so that a batch needs no promise per task. */
export interface EnqueueSink {
  accepted(place: number, receipt: EnqueueReceipt): void;
  refused(place: number, error: unknown): void;
}

// A call has a fixed cost. More tasks per call lower the cost per task, but block Redis longer. A call with large
// payloads has fewer tasks.
const CALL_TASKS = LIMITS.scriptTasks;
const CALL_CHARACTERS = 262_144;

/** The tasks of one script call, in the order in which they came. */
export class EnqueueCall {
  readonly #queue: string;
  readonly #idIs: PreparedTask["idIs"];
  #isUnique = false;
  /** The arguments of the script for its tasks: id, envelope, id, envelope, … */
  tail: string[] = [];
  sinks: EnqueueSink[] = [];
  places: number[] = [];
  /** The band of each task. Undefined while all tasks go to the normal band, because then they need not be ordered. */
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

  /** Returns the arguments for the script. Called when the call is complete. */
  args(): EnqueueArgs {
    const [high = 0, normal = 0, low = 0, keyed = 0] = this.#order();
    const checked = this.#idIs !== "minted";
    const once = this.#idIs === "once";
    return { checked, once, unique: this.#isUnique, high, normal, low, keyed, tail: this.tail };
  }

  /** Orders the tasks by band, as the script expects them. @returns how many tasks are in each band */
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
    const { owners = [] } = reply;
    const { tail, sinks, places, bands } = this;
    let known = 0;
    let owner = 0;
    for (let i = 0; i < sinks.length; i++) {
      const id = tail[2 * i] as string;
      const sink = sinks[i] as EnqueueSink;
      const place = places[i] as number;
      const verdict = reply.verdicts[i];
      if (verdict === "n" || verdict === "p" || verdict === "a") {
        const isScheduled = verdict === "a" || (verdict === "n" && bands?.[i] === "scheduled");
        const state = isScheduled ? "scheduled" : "pending";
        sink.accepted(place, { id, state, duplicate: false, willRun: true, durability: "memory" });
      } else if (verdict === "f") sink.refused(place, queueFull(this.#queue, id));
      else if (verdict === "k") sink.refused(place, keyFull(this.#queue, id));
      else if (verdict === "b") sink.refused(place, stopping(id));
      else {
        const found = stateOfLetter(reply.states[known++] ?? "r");
        // The task can still be restored, but for its producer it is gone.
        const state = found === "discarded" ? "purged" : found;
        const willRun = state === "pending" || state === "scheduled" || state === "processing";
        if (verdict === "o") {
          const held = { id: owners[owner++] as string, state, willRun, deduplicated: true } as const;
          sink.accepted(place, { ...held, duplicate: true, durability: "memory" });
        } else if (verdict === "r") {
          const held = { id: owners[owner++] as string, state, willRun, deduplicated: true } as const;
          sink.accepted(place, { ...held, replaced: true, duplicate: false, durability: "memory" });
        } else if (verdict === "u") sink.refused(place, uniqueConflict(owners[owner++] as string));
        else if (verdict === "x") sink.refused(place, cannotReplace(owners[owner++] as string));
        else if (verdict === "d")
          sink.accepted(place, { id, state, duplicate: true, willRun, durability: "memory" });
        else sink.refused(place, conflict(id));
      }
    }
  }

  failed(error: unknown): void {
    const { tail, sinks, places } = this;
    for (let i = 0; i < sinks.length; i++)
      sinks[i]?.refused(places[i] as number, failureOf(error, tail[2 * i]));
  }
}

/** One enqueue of a caller, and the functions that settle its promise. */
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

// An executor for each promise would cost one more closure per task. So the caller runs `new Promise(keepSettlers)` and
// then creates the task, which takes these two functions. Between these two steps no other promise may be made.
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
