import type { Limit } from "@holdfast/contracts";
import type { Connection } from "../redis/connection.ts";
import * as scripts from "../redis/generated/index.ts";
import { type SystemKeys, systemKeys } from "../redis/keys.ts";
import type { Engine } from "./engine.ts";

/** The share of a shared limit that one queue or partition may use. */
export interface Share {
  concurrency?: number;
  /** How many tasks may start in each period of the limit. */
  rate?: number;
  burst?: number;
  /**
   * With `concurrency`: how many tasks may run in this queue until the limit is divided again. If a share was lowered
   * while more tasks ran, this is more than `concurrency`. The sum over all queues never exceeds the limit, so another
   * share is raised only when these tasks have ended.
   */
  held?: number;
}

/** A limit that several queues share, as it is stored. */
export interface SharedLimit {
  /** Grows with each write. A queue ignores a share of an older version. */
  version: number;
  limit: Limit;
  queues: string[];
  /** The share of each queue or partition, by its name. */
  shares: Record<string, Share>;
}

export interface StoredLimit extends SharedLimit {
  name: string;
  /** The stored text. A write compares it, so that it does not overwrite a change by somebody else. */
  text: string;
}

export class SharedLimits {
  readonly #connection: Connection;
  readonly #keys: SystemKeys;

  constructor(connection: Connection, prefix = "queue") {
    this.#connection = connection;
    this.#keys = systemKeys(prefix);
  }

  async all(): Promise<StoredLimit[]> {
    const flat = await this.#connection.command<string[]>("HGETALL", this.#keys.sharedLimits);
    const found: StoredLimit[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) found.push(stored(flat[i] as string, flat[i + 1] as string));
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async get(name: string): Promise<StoredLimit | null> {
    const text = await this.#connection.command<string | null>("HGET", this.#keys.sharedLimits, name);
    return text === null ? null : stored(name, text);
  }

  /**
   * Writes a limit.
   * @param before the limit that the caller has read; null for a new limit
   * @returns the limit as it is stored now; null if somebody else wrote it meanwhile
   */
  async write(name: string, before: StoredLimit | null, after: SharedLimit): Promise<StoredLimit | null> {
    const text = JSON.stringify(after);
    return (await this.#write(name, before?.text ?? "", text)) ? stored(name, text) : null;
  }

  /** Removes a limit. @returns false if somebody else wrote it meanwhile */
  forget(before: StoredLimit): Promise<boolean> {
    return this.#write(before.name, before.text, "");
  }

  async #write(name: string, before: string, after: string): Promise<boolean> {
    const args = { name, before, after };
    const script = scripts.sharedLimitScript;
    return (await this.#connection.script<typeof args, number, SystemKeys>(script, this.#keys, args)) === 1;
  }
}

function stored(name: string, text: string): StoredLimit {
  return { ...(JSON.parse(text) as SharedLimit), name, text };
}

/**
 * Gives a queue or partition its share of a shared limit, or takes the share away (null).
 * @returns how many of its tasks run; null if it already has a newer share
 */
export async function setShare(
  engine: Engine,
  { name, version, limit }: Pick<StoredLimit, "name" | "version" | "limit">,
  share: Share | null,
): Promise<number | null> {
  const running = await engine.connection.script<scripts.ShareArgs, number>(
    scripts.shareScript,
    engine.keys,
    {
      name,
      version,
      limit: share === null ? "" : shareText(share, limit),
    },
  );
  return running < 0 ? null : running;
}

/**
 * Writes a share as `concurrency rate periodMs burst`, such as `5 100 60000 1`. lua/lib/accounts.lua reads it. A rate
 * of 0 is written as concurrency 0, because no task may start.
 */
function shareText({ concurrency, rate, burst = 1 }: Share, limit: Limit): string {
  if (rate === undefined) return `${concurrency ?? "-"} - 0 0`;
  return rate === 0 ? "0 - 0 0" : `${concurrency ?? "-"} ${rate} ${limit.rate?.periodMs} ${burst}`;
}

export interface ShareView {
  name: string;
  share: Share;
  /** The same share as a limit of this queue. */
  limit: Limit;
}

/** Parses the shares in the field "#limits" of a queue. */
export function parseShares(text: string): ShareView[] {
  return [...text.matchAll(/^share (\S+) \d+ (\S+) (\S+) (\d+) (\d+)$/gm)].map(
    ([, name = "", tasks, starts, periodMs, bursts]) => {
      const concurrency = tasks === "-" ? {} : { concurrency: Number(tasks) };
      const [rate, burst] = [Number(starts), Number(bursts)];
      return starts === "-"
        ? { name, share: concurrency, limit: concurrency }
        : {
            name,
            share: { ...concurrency, rate, burst },
            limit: { ...concurrency, rate: { limit: rate, periodMs: Number(periodMs), burst } },
          };
    },
  );
}
