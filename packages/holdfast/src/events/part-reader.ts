import { HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { type EventEntry, type EventsMark, readEvents } from "../engine/events.ts";
import type { EventPlace } from "./cursor.ts";

// One reply has at most this many stream entries, each with up to 500 events.
const ENTRIES = 100;

/** A stream entry, of which `skip` events were read before. */
export interface NewEntry {
  entry: EventEntry;
  skip: number;
}

/** The result of one read, in this order: missed events, entries, missed events after them. */
export interface EventBatch {
  /** How many events before the entries were missed: 0 for none, null if the number is not known. */
  missed: number | null;
  entries: NewEntry[];
  /** How many events after the entries were missed, because scripts were aborted. */
  missedBehind: number;
  /** Whether there may be more to read now. */
  hasMore: boolean;
}

/** Reads the events of a queue or partition in order. It knows its position, and notices if events are missing. */
export class PartReader {
  readonly #engine: Engine;
  #life: string | null;
  /** The number of the next event; null if it may have any number. */
  #next: number | null;
  /** The number of the first event of the stream entry that is read next. */
  #from: number;

  /**
   * @param place where to begin: null for the oldest events that are kept; a position returned by a script for what
   * follows
   */
  constructor(engine: Engine, place: EventPlace | EventsMark | null) {
    this.#engine = engine;
    this.#life = place?.life ?? null;
    if (place === null) {
      this.#next = null;
      this.#from = 0;
    } else if ("last" in place) {
      this.#next = place.last + 1;
      this.#from = this.#next;
    } else {
      this.#next = place.first + place.skip;
      this.#from = place.first;
    }
  }

  /** Makes a reader of the events that happen from now on. @throws HoldfastError events_off */
  static async fromNow(engine: Engine): Promise<PartReader> {
    const read = await readEvents(engine, null, ENTRIES);
    if (read === null) throw eventsOff(engine.queue);
    return new PartReader(engine, read);
  }

  /** Returns whether the reader still has to read up to this position; false if its own is not known. */
  isBehind({ life, last }: EventsMark): boolean {
    return this.#life === life && this.#next !== null && this.#next <= last + 1;
  }

  /** The position after everything that was read; null if it is not known yet. */
  get place(): EventPlace | null {
    if (this.#life === null || this.#next === null) return null;
    return { life: this.#life, first: this.#from, skip: this.#next - this.#from };
  }

  /** Reads the next events. @throws HoldfastError events_off, redis_* */
  async read(): Promise<EventBatch> {
    const read = await readEvents(this.#engine, this.#from, ENTRIES);
    if (read === null) throw eventsOff(this.#engine.queue);
    const { life, last, entries } = read;
    if (this.#life !== null && this.#life !== life) {
      // Events were switched off and on again, so there is a new stream, which is read from its beginning.
      this.#life = life;
      this.#next = null;
      this.#from = 0;
      return { missed: null, entries: [], missedBehind: 0, hasMore: true };
    }
    this.#life = life;
    if (this.#next !== null && this.#next > last + 1) {
      // Redis has lost writes. This reader has read all events that are left.
      this.#next = last + 1;
      this.#from = this.#next;
      return { missed: null, entries: [], missedBehind: 0, hasMore: true };
    }
    return this.#take(entries, last);
  }

  #take(entries: readonly EventEntry[], last: number): EventBatch {
    const batch: EventBatch = {
      missed: 0,
      entries: [],
      missedBehind: 0,
      hasMore: entries.length === ENTRIES,
    };
    for (const entry of entries) {
      const next = this.#next ?? entry.first;
      if (entry.first > next) {
        // A result can have missed events only before its entries. So the rest is read again for the next result.
        if (batch.entries.length > 0) return { ...batch, hasMore: true };
        batch.missed = entry.first - next;
      }
      const behind = entry.first + entry.count;
      if (behind > next) batch.entries.push({ entry, skip: Math.max(0, next - entry.first) });
      this.#next = Math.max(next, behind);
      this.#from = this.#next;
    }
    if (!batch.hasMore) {
      const next = this.#next ?? last + 1;
      batch.missedBehind = last + 1 - next;
      this.#next = last + 1;
      this.#from = this.#next;
    }
    return batch;
  }
}

function eventsOff(queue: string): HoldfastError {
  return new HoldfastError(
    "events_off",
    `queue "${queue}" keeps no events: set its maxEvents, for example to 100000`,
  );
}
