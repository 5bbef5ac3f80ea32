import type { QueueEvent, TaskEvent, TaskEventType } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { type EventGroup, resultsOf } from "../engine/events.ts";
import type { Parts } from "../partitions/parts.ts";
import { whenAborted } from "../when-aborted.ts";
import { cursorText, type EventPlace, placesOf } from "./cursor.ts";
import type { EventsOptions } from "./events-options.ts";
import { type EventBatch, type NewEntry, PartReader } from "./part-reader.ts";
import { PartStream } from "./part-stream.ts";

// One command reads this many results. Each may have 64 KiB.
const RESULTS = 50;
// How often to check whether the queue has more partitions, ms.
const WATCH_MS = 5_000;

/** The events of a queue, to be read with `for await`. */
export interface QueueEvents extends AsyncIterableIterator<QueueEvent> {
  /**
   * Resolves with the cursor of the position from which events are read. Without `after`, every event after this is
   * read.
   * @throws HoldfastError events_off, invalid_cursor, redis_*
   */
  ready(): Promise<string>;
}

interface PartsSource {
  known(): Promise<Parts>;
  lookAgain(): Promise<Parts>;
}

interface Stream {
  part: number;
  engine: Engine;
  stream: PartStream;
}

type Turn = { from: Stream; batch: EventBatch | null } | "look";

/** Merges the events of all partitions. The events of each partition keep their order. */
class Merged {
  readonly #client: Holdfast;
  readonly #queue: string;
  readonly #source: PartsSource;
  readonly #options: EventsOptions;
  readonly #types: ReadonlySet<TaskEventType> | null;
  readonly #stop = new AbortController();
  readonly #forget: () => void;
  #streams: Stream[] = [];
  #places: (EventPlace | null)[] = [];
  #isPartitioned = false;

  constructor(client: Holdfast, queue: string, source: PartsSource, options: EventsOptions) {
    this.#client = client;
    this.#queue = queue;
    this.#source = source;
    this.#options = options;
    this.#types = options.types === undefined ? null : new Set(options.types);
    this.#forget = whenAborted(options.signal, () => this.#stop.abort());
    if (options.signal?.aborted) this.#stop.abort();
  }

  /** Opens the streams. @returns the cursor of the position from which they are read */
  async open(): Promise<string> {
    const { after } = this.#options;
    const parts = await this.#source.known();
    this.#isPartitioned = parts.partitions !== null;
    const places = after === undefined ? null : placesOf(after, parts.all.length);
    const opened = await Promise.allSettled(
      parts.all.map(({ engine }, part) =>
        this.#open(part, engine, () =>
          places === null ? PartReader.fromNow(engine) : new PartReader(engine, places[part] ?? null),
        ),
      ),
    );
    for (const one of opened) if (one.status === "fulfilled") this.#streams.push(one.value);
    for (const one of opened) {
      if (one.status === "fulfilled") continue;
      this.close();
      throw one.reason;
    }
    this.#places = this.#streams.map(({ stream }) => stream.reader.place);
    // The events were ended before reading had begun.
    if (this.#stop.signal.aborted) this.close();
    return cursorText(this.#places);
  }

  async #open(part: number, engine: Engine, open: () => PartReader | Promise<PartReader>): Promise<Stream> {
    return { part, engine, stream: await PartStream.open(this.#client, engine, open) };
  }

  close(): void {
    this.#stop.abort();
    this.#forget();
    for (const { stream } of this.#streams.splice(0)) stream.close();
  }

  async *read(): AsyncGenerator<QueueEvent> {
    const { signal } = this.#stop;
    const turns = new Map<Stream | "look", Promise<Turn>>();
    const ask = (key: Stream | "look", turn: Promise<Turn>) => {
      turn.catch(() => {}); // if another partition fails first, nobody waits for this one
      turns.set(key, turn);
    };
    const askNext = (from: Stream) =>
      ask(
        from,
        from.stream.next(signal).then((batch) => ({ from, batch })),
      );
    for (const from of this.#streams) askNext(from);
    if (this.#isPartitioned) ask("look", later(signal));
    while (!signal.aborted) {
      const turn = await Promise.race(turns.values());
      if (signal.aborted) break;
      if (turn === "look") {
        for (const added of await this.#openAdded()) askNext(added);
        ask("look", later(signal));
      } else if (turn.batch !== null) {
        yield* this.#events(turn.from, turn.batch);
        askNext(turn.from);
      }
    }
    this.#options.signal?.throwIfAborted();
  }

  /** Opens streams for partitions that were added meanwhile, each from its first event on. */
  async #openAdded(): Promise<Stream[]> {
    const { all } = await this.#source.lookAgain();
    const added: Stream[] = [];
    for (let part = this.#places.length; part < all.length; part++) {
      const { engine } = all[part] as Parts["all"][number];
      const stream = await this.#open(part, engine, () => new PartReader(engine, null));
      this.#streams.push(stream);
      this.#places.push(null);
      added.push(stream);
    }
    return added;
  }

  async *#events(from: Stream, batch: EventBatch): AsyncGenerator<QueueEvent> {
    const [first] = batch.entries;
    const place = from.stream.reader.place;
    const gap = (missed: number | null, behind: EventPlace | null): QueueEvent => {
      this.#places[from.part] = behind;
      return { type: "gap", queue: this.#queue, cursor: cursorText(this.#places), missed };
    };
    if (batch.missed !== 0)
      yield gap(batch.missed, first && place ? { ...place, first: first.entry.first, skip: 0 } : place);
    for (const entry of batch.entries) yield* this.#entry(from, entry, place?.life ?? "0");
    this.#places[from.part] = place;
    if (batch.missedBehind > 0) yield gap(batch.missedBehind, place);
  }

  async *#entry(from: Stream, { entry, skip }: NewEntry, life: string): AsyncGenerator<QueueEvent> {
    const { first, at, groups } = entry;
    let before = 0;
    for (const group of groups) {
      const { type, ids } = group;
      const begin = Math.max(0, skip - before);
      const isWanted = type !== undefined && (this.#types === null || this.#types.has(type));
      for (let chunk = begin; isWanted && chunk < ids.length; chunk += RESULTS) {
        const some = ids.slice(chunk, chunk + RESULTS);
        const results = await this.#results(from.engine, group, some);
        for (const [place, id] of some.entries()) {
          this.#places[from.part] = { life, first, skip: before + chunk + place + 1 };
          yield {
            ...{ type, queue: this.#queue, id, at, cursor: cursorText(this.#places) },
            ...detailOf(group),
            ...(results[place] == null ? {} : { resultText: results[place] }),
          };
        }
      }
      before += ids.length;
    }
  }

  async #results(engine: Engine, { hasResult }: EventGroup, ids: string[]): Promise<(string | null)[]> {
    return hasResult && this.#options.results !== false ? resultsOf(engine, ids) : [];
  }
}

function detailOf({ type, detail }: EventGroup): Pick<TaskEvent, "workerId" | "reason" | "outcome"> {
  if (type === "started") return { workerId: detail };
  if (type === "flow_ended") return { outcome: detail as NonNullable<TaskEvent["outcome"]> };
  return type === "dead" ? { reason: detail } : {};
}

async function later(signal: AbortSignal): Promise<"look"> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      forget();
      resolve();
    };
    const timer = setTimeout(end, WATCH_MS);
    const forget = whenAborted(signal, end);
  });
  return "look";
}

/** Reads events: see `Queue.events`. The options were checked already. */
export function queueEvents(
  client: Holdfast,
  queue: string,
  source: PartsSource,
  options: EventsOptions,
): QueueEvents {
  const merged = new Merged(client, queue, source, options);
  // The streams are opened now, and not by the first call of `next`, so that no event in between is missed.
  const opened = merged.open();
  opened.catch(() => {});
  async function* read(): AsyncGenerator<QueueEvent> {
    try {
      await opened;
      yield* merged.read();
    } finally {
      merged.close();
    }
  }
  const events = read();
  return {
    ready: () => opened,
    next: () => events.next(),
    return: async () => {
      // Without this, a generator that waits for an event would end only when the next event comes.
      merged.close();
      return events.return(undefined);
    },
    throw: (error) => events.throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
