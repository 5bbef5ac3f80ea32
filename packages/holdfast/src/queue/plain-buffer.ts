import { asHoldfastError, LIMITS } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { TailBytes, type ViewedBytes, viewOf } from "../redis/tail-bytes.ts";
import { soon } from "../soon.ts";
import { type EnqueueResult, failureOf, queueFull } from "./enqueue-buffer.ts";
import { MINTED_CHARACTERS, mintIds } from "./mint-ids.ts";
import type { PlainResult, PlainTasks } from "./plain-tasks.ts";

/** Tasks that were given together, and what became of them: their ids alone, as long as nothing else has to be said. */
export class PlainRun {
  readonly tasks: PlainTasks;
  readonly ids: string[];
  readonly idBytes: ViewedBytes;
  readonly source: ViewedBytes;
  /** For each type that occurs, the part of the envelope before the payload. */
  readonly headers: Map<string, ViewedBytes>;
  readonly #queue: string;
  readonly #resolve: (result: PlainResult) => void;
  #open: number;
  /** Why tasks were refused, by place. */
  #refused: Map<number, EnqueueResult> | undefined;

  constructor(
    queue: string,
    tasks: PlainTasks,
    headers: Map<string, ViewedBytes>,
    resolve: (result: PlainResult) => void,
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

  /** @param verdicts of a script call, of which this run's begin at `at`: n new, f queue full; a minted id has no others */
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
    if (refused === undefined) this.#resolve({ ids });
    else this.#resolve({ ids: null, results: ids.map((id, place) => refused.get(place) ?? asNew(id)) });
  }
}

function asNew(id: string): EnqueueResult {
  return {
    ok: true,
    receipt: { id, state: "pending", duplicate: false, willRun: true, durability: "memory" },
  };
}

/** The tasks of one script call: whom to tell, one entry per part of a run. */
class PlainCall {
  readonly tail: TailBytes;
  size = 0;
  readonly runs: PlainRun[] = [];
  readonly places: number[] = [];
  readonly counts: number[] = [];

  constructor(tail: TailBytes) {
    this.tail = tail;
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
      this.tail.add(idBytes, place * MINTED_CHARACTERS, MINTED_CHARACTERS, header, source, start, end);
    }
    this.runs.push(run);
    this.places.push(from);
    this.counts.push(count);
    this.size += count;
  }
}

// A call costs Redis about as much as a hundred tasks, so what comes while two are on their way gathers for the next:
// the first of them is being run, and the other is there when it ends.
const IN_FLIGHT = 2;
// A reply that does not come holds nobody back for longer.
const GATHER_MS = 20;

/** Like `EnqueueBuffer`, for runs of plain tasks: each is written into the bytes of a call when it arrives. */
export class PlainBuffer {
  readonly #engine: Engine;
  readonly #lingerMs: number;
  #call: PlainCall | undefined;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(engine: Engine, lingerMs: number) {
    this.#engine = engine;
    this.#lingerMs = lingerMs;
  }

  push(run: PlainRun): void {
    const size = run.ids.length;
    let headerBytes = 0;
    for (const header of run.headers.values()) headerBytes = Math.max(headerBytes, header.bytes.length);
    for (let from = 0; from < size; ) {
      const count = Math.min(LIMITS.scriptTasks, size - from);
      const { spans } = run.tasks;
      const payloads = (spans[2 * (from + count) - 1] as number) - (spans[2 * from] as number);
      const room = count * TailBytes.boundOf(MINTED_CHARACTERS, headerBytes, 0) + payloads;
      // A batch is not torn over two calls for the sake of their size.
      const current = this.#call;
      if (current && (current.size + count > LIMITS.scriptTasks || !current.tail.hasRoom(room)))
        this.#flush();
      this.#call ??= new PlainCall(new TailBytes(this.#engine.connection.pool, room));
      this.#call.add(run, from, count);
      from += count;
      if (this.#call.size >= LIMITS.scriptTasks) this.#flush();
    }
    if (this.#call !== undefined) this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    if (this.#lingerMs === 0 && this.#inFlight.size >= IN_FLIGHT) {
      // It is left to run when they are sent before: to stop one for each call would cost more than it does.
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#flush();
      }, GATHER_MS);
      return;
    }
    this.#scheduled = true;
    if (this.#lingerMs > 0) setTimeout(() => this.#flushScheduled(), this.#lingerMs);
    // While nothing is on its way nobody is waited for, beside what is enqueued in one go.
    else if (this.#inFlight.size === 0) soon(() => this.#flushScheduled());
    else setImmediate(() => this.#flushScheduled());
  }

  #flushScheduled(): void {
    this.#scheduled = false;
    this.#flush();
  }

  /** Sends what waits and resolves when every call was answered. */
  async drain(): Promise<void> {
    this.#flush();
    await Promise.allSettled(this.#inFlight);
  }

  #flush(): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#call = undefined;
    const sent = this.#send(call);
    this.#inFlight.add(sent);
    void sent.finally(() => {
      this.#inFlight.delete(sent);
      if (this.#call !== undefined && this.#inFlight.size < IN_FLIGHT) this.#schedule();
    });
  }

  async #send({ tail, size, runs, places, counts }: PlainCall): Promise<void> {
    let verdicts: string | undefined;
    let failure: unknown;
    try {
      ({ verdicts } = await this.#engine.enqueue({
        checked: false,
        high: 0,
        normal: size,
        low: 0,
        tail: [],
        bytes: tail,
      }));
    } catch (error) {
      failure = error;
    }
    let at = 0;
    for (let i = 0; i < runs.length; i++) {
      const place = places[i] as number;
      const count = counts[i] as number;
      if (verdicts === undefined) runs[i]?.failed(place, count, failure);
      else runs[i]?.answered(place, count, verdicts, at);
      at += count;
    }
  }
}
