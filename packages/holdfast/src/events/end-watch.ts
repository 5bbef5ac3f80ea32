import type { TaskEventType } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { type EventsMark, tasksWithMark } from "../engine/events.ts";
import type { RawTask } from "../engine/replies.ts";
import { whenAborted } from "../when-aborted.ts";
import { type EventBatch, PartReader } from "./part-reader.ts";
import { PartStream } from "./part-stream.ts";

const ENDS: ReadonlySet<TaskEventType | undefined> = new Set([
  "completed",
  "dead",
  "cancelled",
  "expired",
  "discarded",
  "removed",
]);
const LOOKED_AT = 100;
const AHEAD_MS = 5;

export interface TaskLook {
  raw: RawTask | undefined;
  /** The position in the event stream at that moment; null if the queue keeps no events. */
  mark: EventsMark | null;
}

interface Asked {
  id: string;
  resolve(look: TaskLook): void;
  reject(error: unknown): void;
}

interface Waiting {
  wake(): void;
  fail(error: unknown): void;
}

const watches = new WeakMap<Engine, EndWatch>();

/** Waits for the ends of tasks in a queue or partition that keeps events. All callers in a process share one reader. */
export class EndWatch {
  readonly #client: Holdfast;
  readonly #engine: Engine;
  #asked: Asked[] = [];
  readonly #waiting = new Map<string, Set<Waiting>>();
  /** The reader of the events, while somebody waits. */
  #reading: { reader: PartReader; stop: AbortController } | undefined;

  private constructor(client: Holdfast, engine: Engine) {
    this.#client = client;
    this.#engine = engine;
  }

  static of(client: Holdfast, engine: Engine): EndWatch {
    let watch = watches.get(engine);
    if (watch === undefined) {
      watch = new EndWatch(client, engine);
      watches.set(engine, watch);
    }
    return watch;
  }

  /** Returns the task as it is now. Calls in the same turn of the event loop share a script call. */
  look(id: string): Promise<TaskLook> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ id, resolve, reject });
      if (this.#asked.length === 1) setImmediate(() => this.#lookAtAll());
    });
  }

  #lookAtAll(): void {
    const all = this.#asked;
    this.#asked = [];
    for (let at = 0; at < all.length; at += LOOKED_AT) void this.#lookAt(all.slice(at, at + LOOKED_AT));
  }

  async #lookAt(asked: Asked[]): Promise<void> {
    try {
      const ids = asked.map(({ id }) => id);
      const { tasks, mark } = await tasksWithMark(this.#engine, ids);
      for (const [place, { resolve }] of asked.entries()) resolve({ raw: tasks[place], mark });
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }

  /**
   * Waits until the task may have ended since `look` has returned, or until `waitMs` are over.
   * @param mark the position that `look` returned
   * @throws HoldfastError redis_*; the reason of the signal
   */
  ended(id: string, mark: EventsMark, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    // If the reader is past this position, it may have read the end already, so the task is read again after a short
    // wait.
    const isAhead = this.#reading !== undefined && !this.#reading.reader.isBehind(mark);
    if (isAhead) return new Promise((resolve) => setTimeout(resolve, AHEAD_MS));
    const waited = new Promise<void>((resolve, reject) => {
      const all = this.#waiting.get(id) ?? new Set();
      const leave = () => {
        clearTimeout(timer);
        forget();
        all.delete(waiting);
        if (all.size === 0 && this.#waiting.get(id) === all) this.#waiting.delete(id);
        if (this.#waiting.size === 0) this.#stop();
      };
      const end = (settle: () => void) => () => {
        leave();
        settle();
      };
      const waiting: Waiting = {
        wake: end(resolve),
        fail: (error) => end(() => reject(error))(),
      };
      const timer = setTimeout(waiting.wake, waitMs);
      const forget = whenAborted(signal, () => waiting.fail(signal?.reason));
      all.add(waiting);
      this.#waiting.set(id, all);
    });
    if (this.#reading === undefined && this.#waiting.size > 0) {
      const stop = new AbortController();
      const reader = new PartReader(this.#engine, mark);
      this.#reading = { reader, stop };
      void this.#read(reader, stop.signal);
    }
    return waited;
  }

  #stop(): void {
    this.#reading?.stop.abort();
    this.#reading = undefined;
  }

  async #read(reader: PartReader, signal: AbortSignal): Promise<void> {
    let stream: PartStream | undefined;
    try {
      stream = await PartStream.open(this.#client, this.#engine, () => reader);
      for (let batch = await stream.next(signal); batch !== null; batch = await stream.next(signal))
        this.#tell(batch);
    } catch (error) {
      // Callers still wait, so another reader is needed.
      if (signal.aborted) return;
      // If the queue no longer keeps events, the callers wake up, and their next `look` finds that out.
      const isOff = (error as { code?: unknown }).code === "events_off";
      this.#reading = undefined;
      for (const all of [...this.#waiting.values()]) {
        for (const waiting of [...all]) {
          if (isOff) waiting.wake();
          else waiting.fail(error);
        }
      }
    } finally {
      stream?.close();
    }
  }

  #tell({ missed, entries, missedBehind }: EventBatch): void {
    const wake = (all: Iterable<Waiting> = []) => {
      for (const waiting of [...all]) waiting.wake();
    };
    if (missed !== 0 || missedBehind > 0) for (const all of [...this.#waiting.values()]) wake(all);
    for (const { entry } of entries)
      for (const { type, ids } of entry.groups)
        if (ENDS.has(type)) for (const id of ids) wake(this.#waiting.get(id));
  }
}
