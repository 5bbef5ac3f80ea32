import { LIMITS, type TaskOptions } from "@holdfast/contracts";
import type { EnqueueAnswer, EnqueueArgs } from "../engine/enqueue-answer.ts";
import { BAND_ORDER, type Band } from "../engine/envelope.ts";
import { partsChanged } from "../engine/registry.ts";
import type { TraceContext } from "../tracing/trace-context.ts";
import type { PreparedTask } from "./new-task.ts";
import type { EnqueueReceipt, EnqueueSink } from "./receipt.ts";
import { failureOf, NotNew } from "./refusals.ts";

// The most tasks and payload characters of one script call. Larger calls cost less per task, but block Redis longer.
const CALL_TASKS = LIMITS.scriptTasks;
const CALL_CHARACTERS = 262_144;

/** The tasks of one script call, in the order in which they came. */
export class EnqueueCall {
  readonly #queue: string;
  readonly #idIs: PreparedTask["idIs"];
  #isUnique = false;
  /** The last arguments of the script: id, envelope, id, envelope, … */
  tail: string[] = [];
  sinks: EnqueueSink[] = [];
  places: number[] = [];
  /**
   * The band (pending list) of each task. Undefined while all tasks go to the normal band, because then they need not
   * be sorted.
   */
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

// `new Promise(keepSettlers)` stores its `resolve` and `reject` here, and the constructor of the next AskedTask takes
// them. No other promise may be created in between. A separate function for each promise would be slower (hot path).
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
