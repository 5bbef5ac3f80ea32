import { asHoldfastError, LIMITS } from "@holdfast/contracts";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import type { EnqueueAnswer, EnqueueArgs } from "../engine/enqueue-answer.ts";
import type { BytesPool } from "../redis/bytes-pool.ts";
import { TailBytes, type ViewedBytes, viewOf } from "../redis/tail-bytes.ts";
import { AllAccepted, asNew, type ColumnsResult } from "./columns.ts";
import { MINTED_CHARACTERS, mintIds } from "./mint-ids.ts";
import type { EnqueueResult } from "./receipt.ts";
import { failureOf, queueFull } from "./refusals.ts";

/** A batch of tasks without options, and its results. If all tasks are accepted, the result is only their ids. */
export class PlainRun {
  readonly tasks: TaskColumns;
  readonly ids: string[];
  readonly idBytes: ViewedBytes;
  readonly source: ViewedBytes;
  /** The envelope up to the payload, for each type. */
  readonly headers: Map<string, ViewedBytes>;
  readonly #queue: string;
  readonly #resolve: (result: ColumnsResult) => void;
  #open: number;
  /** The results of refused tasks, by their position in the batch. */
  #refused: Map<number, EnqueueResult> | undefined;

  constructor(
    queue: string,
    tasks: TaskColumns,
    headers: Map<string, ViewedBytes>,
    resolve: (result: ColumnsResult) => void,
  ) {
    this.#queue = queue;
    this.tasks = tasks;
    this.source = { bytes: tasks.bytes, view: viewOf(tasks.bytes) };
    this.headers = headers;
    this.#resolve = resolve;
    const minted = mintIds(tasks.types.length);
    this.ids = minted.ids;
    this.idBytes = { bytes: minted.bytes, view: viewOf(minted.bytes) };
    this.#open = minted.ids.length;
  }

  get size(): number {
    return this.ids.length;
  }

  /** Returns how many bytes a call needs for these tasks. */
  roomFor(from: number, count: number): number {
    const { spans } = this.tasks;
    const payloads = (spans[2 * (from + count) - 1] as number) - (spans[2 * from] as number);
    let headerBytes = 0;
    for (const { bytes } of this.headers.values()) headerBytes = Math.max(headerBytes, bytes.length);
    return count * TailBytes.boundOf(MINTED_CHARACTERS, headerBytes, 0) + payloads;
  }

  /** Takes the answer for some tasks. @param verdicts a letter per task, from `at` on: n new, f queue full */
  answered(place: number, count: number, verdicts: string, at: number): void {
    for (let i = 0; i < count; i++) {
      if (verdicts[at + i] !== "n") this.#refuse(place + i, queueFull(this.#queue, this.ids[place + i]));
    }
    this.#end(count);
  }

  failed(place: number, count: number, error: unknown): void {
    for (let i = 0; i < count; i++) this.#refuse(place + i, failureOf(error, this.ids[place + i]));
    this.#end(count);
  }

  #refuse(place: number, reason: unknown): void {
    const error = asHoldfastError(reason);
    this.#refused ??= new Map();
    this.#refused.set(place, { ok: false, id: error.taskId ?? null, error });
  }

  #end(count: number): void {
    this.#open -= count;
    if (this.#open > 0) return;
    const { ids } = this;
    const refused = this.#refused;
    if (refused === undefined) this.#resolve(new AllAccepted(ids));
    else this.#resolve({ ids: null, results: ids.map((id, place) => refused.get(place) ?? asNew(id)) });
  }
}

/**
 * A script call with tasks without options. Each task is written into the bytes of the call when it is added. A batch
 * may be spread over several calls, so a call stores which tasks of which batch it has.
 */
export class PlainCall {
  readonly #tail: TailBytes;
  readonly #runs: PlainRun[] = [];
  readonly #places: number[] = [];
  readonly #counts: number[] = [];
  #size = 0;

  /** @param leastBytes the call has room for at least this many bytes */
  constructor(pool: BytesPool, leastBytes: number) {
    this.#tail = new TailBytes(pool, leastBytes);
  }

  get isFull(): boolean {
    return this.#size >= LIMITS.scriptTasks;
  }

  hasRoom(count: number, bytes: number): boolean {
    return this.#size + count <= LIMITS.scriptTasks && this.#tail.hasRoom(bytes);
  }

  add(run: PlainRun, from: number, count: number): void {
    const { idBytes, source } = run;
    const { types, spans } = run.tasks;
    let type: string | undefined;
    let header = source;
    for (let place = from; place < from + count; place++) {
      const own = types[place] as string;
      if (own !== type) {
        type = own;
        header = run.headers.get(own) as ViewedBytes;
      }
      const start = spans[2 * place] as number;
      const end = spans[2 * place + 1] as number;
      this.#tail.add(idBytes, place * MINTED_CHARACTERS, MINTED_CHARACTERS, header, source, start, end);
    }
    this.#runs.push(run);
    this.#places.push(from);
    this.#counts.push(count);
    this.#size += count;
  }

  args(): EnqueueArgs {
    return { checked: false, high: 0, normal: this.#size, low: 0, keyed: 0, tail: [], bytes: this.#tail };
  }

  answered({ verdicts }: EnqueueAnswer): void {
    this.#tell((run, place, count, at) => run.answered(place, count, verdicts, at));
  }

  failed(error: unknown): void {
    this.#tell((run, place, count) => run.failed(place, count, error));
  }

  /** Calls `tell` for each batch in this call. `at`: the position of its first task in the call. */
  #tell(tell: (run: PlainRun, place: number, count: number, at: number) => void): void {
    let at = 0;
    for (const [i, run] of this.#runs.entries()) {
      const count = this.#counts[i] as number;
      tell(run, this.#places[i] as number, count, at);
      at += count;
    }
  }
}
