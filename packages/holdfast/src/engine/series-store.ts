import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { queueKeys } from "../redis/keys.ts";

export interface SeriesWrite {
  expectedAt: number | null;
  last: string;
  bucket: string;
  replaces: boolean;
  longBucket: string;
  typesBucket: string;
}

/** How many points of the charts are kept: 1,080 of 10 s (three hours), and 8,640 of 5 minutes (30 days). */
export const KEEP = 1_080;
export const KEEP_LONG = 8_640;
/** How many points by task type are kept: 288 of 5 minutes (24 hours). */
export const KEEP_TYPES = 288;
const TTL_MS = 2_678_400_000;

/** The stored chart points (buckets) of one queue. */
export class SeriesStore {
  readonly #connection: Connection;
  readonly #prefix: string;

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
  }

  /** Returns the end of the newest bucket and the text that is stored with it; null if there is no bucket. */
  async last(queue: string): Promise<{ at: number; text: string } | null> {
    const value = await this.#connection.command<string | null>(
      "GET",
      queueKeys(this.#prefix, queue).seriesLast,
    );
    if (value === null) return null;
    const space = value.indexOf(" ");
    return { at: Number(value.slice(0, space)), text: value.slice(space + 1) };
  }

  /** Writes a bucket. @returns false if another process has written one since `expectedAt` */
  async write(queue: string, { expectedAt, replaces, ...write }: SeriesWrite): Promise<boolean> {
    const reply = await this.#connection.script<scripts.SeriesWriteArgs, number>(
      scripts.seriesWriteScript,
      queueKeys(this.#prefix, queue),
      {
        ...write,
        expectedAt: expectedAt === null ? "" : String(expectedAt),
        replaces: replaces ? 1 : 0,
        ...{ keep: KEEP, keepLong: KEEP_LONG, keepTypes: KEEP_TYPES, ttlMs: TTL_MS },
      },
    );
    return reply === 1;
  }

  /** Returns the newest `count` buckets, oldest first. */
  read(queue: string, which: "series" | "seriesLong" | "seriesTypes", count: number): Promise<string[]> {
    const key = queueKeys(this.#prefix, queue)[which];
    return this.#connection.command<string[]>("LRANGE", key, -count, -1);
  }

  /** Returns histograms of how long tasks waited (`w<bucket>`) and ran (`r<bucket>`), with "typeTimings" by type. */
  async timings(queue: string, which: "timings" | "typeTimings" = "timings"): Promise<[string, number][]> {
    const flat = await this.#connection.command<string[]>("HGETALL", queueKeys(this.#prefix, queue)[which]);
    const fields: [string, number][] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] as string, Number(flat[i + 1])]);
    return fields;
  }
}
