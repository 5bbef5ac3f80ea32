import type { AuditRecord } from "@holdfast/contracts/api";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";

/** A search in the audit log. A record has to match every field that is given. */
export interface ActionFilter {
  queue?: string | undefined;
  actor?: string | undefined;
  action?: AuditRecord["action"] | undefined;
  /** `from`: at this time or later. `to`: before this time. Milliseconds since the epoch. */
  from?: number | undefined;
  to?: number | undefined;
  /** Whether the caller may see records about this queue; null for records that concern no queue. */
  isVisible?(queue: string | null): boolean;
}

/** A page of the audit log. */
export interface ActionPage {
  records: AuditRecord[];
  cursor: string | null;
  /** How many records were read to fill this page. */
  scanned: number;
  total: number;
}

const PAGE = 200;
// A search reads at most this many records for one page. Its cursor continues from there, even if the page is not full.
const SCANNED = 2_000;

/** How many audit records a janitor keeps by default. */
export const AUDIT_LOG_MAX = 100_000;

/** An audit record and its number, counted from 0. Removing older records does not change the number. */
interface Entry {
  place: number;
  /** When the record was written, by the clock of Redis, ms since the epoch. */
  ms: number;
  record: AuditRecord | null;
}

/**
 * The audit log: what operators did. Records are appended to a list in Redis and never changed. The Redis user of a
 * client that appends cannot remove a record; janitors remove the oldest ones.
 */
export class ActionLog {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
  }

  async append(record: AuditRecord): Promise<void> {
    await this.#connection.script<scripts.AuditAppendArgs, number, SystemKeys>(
      scripts.auditAppendScript,
      this.#keys,
      { clockMs: 0, record: JSON.stringify(record) },
    );
  }

  /** Removes the oldest records beyond `maxKept`, at most 10,000 per call. @returns how many were removed */
  async trim(maxKept: number): Promise<number> {
    return this.#connection.script<scripts.AuditTrimArgs, number, SystemKeys>(
      scripts.auditTrimScript,
      this.#keys,
      { maxKept },
    );
  }

  /** Returns a page, newest first. With a filter it may be short or empty; its cursor continues the search. */
  async page(options: ActionFilter & { cursor?: string | undefined; limit: number }): Promise<ActionPage> {
    const { cursor, to, from = Number.NEGATIVE_INFINITY, limit } = options;
    const { first, end } = await this.#bounds();
    const records: AuditRecord[] = [];
    let scanned = 0;
    const page = (cursor: string | null) => ({ records, cursor, scanned, total: end - first });
    let upTo = cursor === undefined ? end : Math.min(end, Number(cursor.split("-")[1]));
    if (to !== undefined) upTo = Math.min(upTo, await this.#since(to));
    while (upTo > first) {
      const entries = await this.#read(Math.max(first, upTo - PAGE), upTo);
      if (entries.length === 0) break;
      for (const { place, ms, record } of entries.reverse()) {
        if (ms < from) return page(null);
        scanned++;
        if (record && matches(record, options)) records.push(record);
        upTo = place;
        if (place > first && (records.length >= limit || scanned >= SCANNED)) return page(`${ms}-${place}`);
      }
    }
    return page(null);
  }

  /** Yields all matching records, oldest first, one page at a time. */
  async *all(filter: ActionFilter): AsyncGenerator<AuditRecord[]> {
    const { from, to = Number.POSITIVE_INFINITY } = filter;
    let at = from === undefined ? (await this.#bounds()).first : await this.#since(from);
    for (;;) {
      const entries = await this.#read(at, at + PAGE);
      const last = entries.at(-1);
      if (last === undefined) return;
      const records = entries.filter(({ ms }) => ms < to).map(({ record }) => record);
      yield records.filter((record): record is AuditRecord => record !== null && matches(record, filter));
      if (last.ms >= to) return;
      at = last.place + 1;
    }
  }

  async #bounds(): Promise<{ first: number; end: number }> {
    const first = await this.#dropped();
    return { first, end: first + (await this.#connection.command<number>("LLEN", this.#keys.auditLog)) };
  }

  async #dropped(): Promise<number> {
    return Number((await this.#connection.command<string | null>("GET", this.#keys.auditDropped)) ?? 0);
  }

  /** Returns the records with the numbers from `from` to below `end`, oldest first, except those that were removed. */
  async #read(from: number, end: number): Promise<Entry[]> {
    for (;;) {
      const dropped = await this.#dropped();
      const first = Math.max(from, dropped);
      if (first >= end) return [];
      const texts = await this.#connection.command<string[]>(
        ...(["LRANGE", this.#keys.auditLog, first - dropped, end - 1 - dropped] as const),
      );
      // If a janitor removed records between the reads, the list positions have changed, so this reads again.
      if ((await this.#dropped()) === dropped)
        return texts.map((text, index) => ({ place: first + index, ...parse(text) }));
    }
  }

  /** Returns the number of the first record that was written at `ms` or later. */
  async #since(ms: number): Promise<number> {
    let { first: low, end: high } = await this.#bounds();
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [entry] = await this.#read(middle, middle + 1);
      if (entry === undefined || entry.ms < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function parse(text: string): Omit<Entry, "place"> {
  const space = text.indexOf(" ");
  const ms = Number(text.slice(0, space));
  try {
    const record = JSON.parse(text.slice(space + 1)) as AuditRecord;
    // Records of an older version do not have these fields.
    return {
      ms,
      record: { ...record, subject: record.subject ?? null, clientRequestId: record.clientRequestId ?? null },
    };
  } catch {
    // Another program has written this text.
    return { ms, record: null };
  }
}

function matches(record: AuditRecord, { queue, actor, action, isVisible }: ActionFilter): boolean {
  return (
    isVisible?.(record.queue) !== false &&
    (queue === undefined || record.queue === queue) &&
    (actor === undefined || record.actor === actor) &&
    (action === undefined || record.action === action)
  );
}
