import type { Connection } from "../redis/connection.ts";
import { systemKeys } from "../redis/keys.ts";

// A look-up brings no more than this; who logs out so often has other worries.
const MOST = 10_000;

/** Ids of dashboard sessions that were logged out, in Redis, until they would have ended by themselves. */
export class EndedSessions {
  readonly #connection: Connection;
  readonly #key: string;

  constructor(connection: Connection, prefix = "queue") {
    this.#connection = connection;
    this.#key = systemKeys(prefix).endedSessions;
  }

  /** @param until ms since the epoch: when its cookie is worth nothing any more */
  async add(id: string, until: number, now = Date.now()): Promise<void> {
    await this.#connection.command("ZADD", this.#key, until, id);
    await this.#connection.command("ZREMRANGEBYSCORE", this.#key, "-inf", now);
  }

  /** Id and end of those that are not over by themselves. */
  async list(now = Date.now()): Promise<[id: string, until: number][]> {
    const pairs = await this.#connection.command<unknown[]>(
      ...(["ZRANGEBYSCORE", this.#key, now, "+inf", "WITHSCORES", "LIMIT", 0, MOST] as const),
    );
    // Pairs in RESP3, one after the other before it.
    const flat = pairs.flat();
    return Array.from({ length: flat.length / 2 }, (_, at) => [
      String(flat[2 * at]),
      Number(flat[2 * at + 1]),
    ]);
  }
}
