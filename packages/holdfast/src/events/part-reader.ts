import { HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { type EventEntry, type EventsMark, readEvents } from "../engine/events.ts";
import type { EventPlace } from "./cursor.ts";

// One reply has at most this many entries, each with at most 500 events.
const ENTRIES = 100;

/** An entry, without the events that this reader has read already. */
export interface NewEntry {
  entry: EventEntry;
  skip: number;
}

/** What one call of `read` found. The order is: missed events, entries, missed events after them. */
export interface EventBatch {
  /** How many events before the entries are missing; null if that is not known; 0 for no gap. */
  missed: number | null;
  entries: NewEntry[];
  /** How many events after the entries are missing, because scripts were aborted. */
  missedBehind: number;
  /** There may be more to read now. */
  hasMore: boolean;
}

/**
 * Reads the events of one part of a queue in order. It knows its position, and finds out whether events before the next
 * one are missing.
 */
export class PartReader {
  readonly #engine: Engine;
  #life: string | null;
  /** The number of the next event; null if the next event may have any number. */
  #next: number | null;
  /** The entry to read from, and how many of its events this reader has read already. */
  #from: number;

  /** @param place null: begin with the oldest events that are kept; a mark: begin with the events after it */
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

  /**
   * Returns whether the next event that the reader reads may be one up to this mark. Returns false if the position of
   * the reader is not known.
   */
  isBehind({ life, last }: EventsMark): boolean {
    return this.#life === life && this.#next !== null && this.#next <= last + 1;
  }

  /** The position after everything that was read; null if it is not known yet. */
  get place(): EventPlace | null {
    if (this.#life === null || this.#next === null) return null;
    return { life: this.#life, first: this.#from, skip: this.#next - this.#from };
  }

  /** @throws HoldfastError events_off, redis_* */
  async read(): Promise<EventBatch> {
    const read = await readEvents(this.#engine, this.#from, ENTRIES);
    if (read === null) throw eventsOff(this.#engine.queue);
    const { life, last, entries } = read;
    if (this.#life !== null && this.#life !== life) {
      // The setting was switched off and on, so there is a new stream. It is read from its beginning.
      this.#life = life;
      this.#next = null;
      this.#from = 0;
      return { missed: null, entries: [], missedBehind: 0, hasMore: true };
    }
    this.#life = life;
    if (this.#next !== null && this.#next > last + 1) {
      // Redis lost writes. This reader has already read the events that are left.
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
        // A batch has a gap only before its entries. The entries after a later gap are read again, for the next batch.
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
