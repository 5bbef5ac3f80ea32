import type { AuditRecord } from "@holdfast/contracts/api";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";

/** All that is given has to match. */
export interface ActionFilter {
  queue?: string | undefined;
  actor?: string | undefined;
  action?: AuditRecord["action"] | undefined;
  /** At this time or later, and before that one; ms since the epoch. */
  from?: number | undefined;
  to?: number | undefined;
  /** Whether the caller may see records of this queue; null: of no queue. */
  isVisible?(queue: string | null): boolean;
}

export interface ActionPage {
  records: AuditRecord[];
  cursor: string | null;
  /** Records looked at for this page. */
  scanned: number;
  total: number;
}

const PAGE = 200;
// A page of few matches ends after so many; its cursor goes on from there.
const SCANNED = 2_000;
const DEFAULT_MAX_KEPT = 100_000;

type Entry = [id: string, fields: string[]];

/** What operators did, kept in Redis: appended to, never changed, bounded. */
export class ActionLog {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
  }

  /** @param maxKept the oldest beyond so many go. @default 100_000 */
  async append(record: AuditRecord, maxKept = DEFAULT_MAX_KEPT): Promise<void> {
    await this.#connection.script<scripts.AuditAppendArgs, string, SystemKeys>(
      scripts.auditAppendScript,
      this.#keys,
      { maxKept, record: JSON.stringify(record) },
    );
  }

  /** Newest first. With a filter a page can be short or empty before the end: the cursor goes on. */
  async page(options: ActionFilter & { cursor?: string | undefined; limit: number }): Promise<ActionPage> {
    const total = await this.#connection.command<number>("XLEN", this.#keys.audit);
    const records: AuditRecord[] = [];
    const oldest = options.from === undefined ? "-" : `${Math.max(0, Math.floor(options.from))}-0`;
    let scanned = 0;
    let upTo = options.cursor === undefined ? newestOf(options) : `(${options.cursor}`;
    if (isNothing(upTo)) return { records, cursor: null, scanned, total };
    for (;;) {
      const entries = await this.#connection.command<Entry[]>(
        ...(["XREVRANGE", this.#keys.audit, upTo, oldest, "COUNT", PAGE] as const),
      );
      for (const [id, fields] of entries) {
        scanned++;
        const record = parse(fields);
        if (record && matches(record, options)) records.push(record);
        if (records.length >= options.limit || scanned >= SCANNED)
          return { records, cursor: id, scanned, total };
        upTo = `(${id}`;
      }
      if (entries.length < PAGE) return { records, cursor: null, scanned, total };
    }
  }

  /** Oldest first, a page at a time. */
  async *all(filter: ActionFilter): AsyncGenerator<AuditRecord[]> {
    let from = filter.from === undefined ? "-" : `${Math.max(0, Math.floor(filter.from))}-0`;
    if (isNothing(newestOf(filter))) return;
    for (;;) {
      const entries = await this.#connection.command<Entry[]>(
        ...(["XRANGE", this.#keys.audit, from, newestOf(filter), "COUNT", PAGE] as const),
      );
      const records = entries.map(([, fields]) => parse(fields));
      yield records.filter((record): record is AuditRecord => record !== null && matches(record, filter));
      const last = entries.at(-1);
      if (!last || entries.length < PAGE) return;
      from = `(${last[0]}`;
    }
  }
}

const newestOf = ({ to }: ActionFilter) => (to === undefined ? "+" : `(${Math.max(0, Math.floor(to))}-0`);

/** Before the first id that there can be: Redis refuses such an end. */
const isNothing = (upTo: string) => upTo === "(0-0";

function parse(fields: readonly string[]): AuditRecord | null {
  const at = fields.indexOf("record");
  try {
    const record = JSON.parse(fields[at + 1] ?? "") as AuditRecord;
    // Records of older versions lack these.
    return { ...record, subject: record.subject ?? null, clientRequestId: record.clientRequestId ?? null };
  } catch {
    // Written by something else: it is no record of ours.
    return null;
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
