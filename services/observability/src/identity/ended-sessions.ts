import type { Holdfast } from "holdfast";
import { systemKeys } from "holdfast/operate";

/** Entries per call. A read that finds this many entries asks again. */
const PAGE = 1_000;
/** After a failover, a new entry can have an older id than one that was read, since the two clocks differ. */
const OVERLAP_MS = 2_000;

export type EndedSession = readonly [id: string, until: number];

/**
 * Dashboard sessions that were logged out, kept in Redis in the order of their log-outs. A reader continues after the
 * last one that it has read.
 */
export class EndedSessions {
  readonly #connection: Holdfast["connection"];
  readonly #key: string;

  constructor({ connection, prefix }: Pick<Holdfast, "connection" | "prefix">) {
    this.#connection = connection;
    this.#key = systemKeys(prefix).logOuts;
  }

  /**
   * @param until the time from which the cookie is invalid anyway, ms since the epoch
   * @param keepMs how long after a log-out a cookie can still be valid; older entries are removed
   */
  async add(id: string, until: number, keepMs: number): Promise<void> {
    // The ids are times of the clock of Redis, so this time is, too. By a clock that is ahead, the new entry could be
    // removed at once.
    const oldest = String(Math.max(0, Math.floor(this.#connection.now() - keepMs)));
    await this.#connection.command(
      ...(["XADD", this.#key, "MINID", "~", oldest, "*", "id", id, "until", String(until)] as const),
    );
  }

  /**
   * The sessions that were added since, page by page. Sessions from the last seconds before `since` come again.
   * @param since the cursor of the previous call; "" reads all
   */
  async *after(since: string): AsyncGenerator<{ ended: EndedSession[]; cursor: string }> {
    let from = "-";
    if (since !== "") from = String(Math.max(0, Number(since.split("-", 1)[0]) - OVERLAP_MS));
    for (let isLast = false; !isLast; ) {
      const entries = await this.#connection.command<[id: string, fields: string[]][]>(
        ...(["XRANGE", this.#key, from, "+", "COUNT", PAGE] as const),
      );
      const last = entries.at(-1)?.[0];
      isLast = last === undefined || entries.length < PAGE;
      if (last === undefined) return;
      const ended = entries.map(([, [, id = "", , until]]): EndedSession => [id, Number(until)]);
      yield { ended, cursor: last };
      from = `(${last}`;
    }
  }
}
