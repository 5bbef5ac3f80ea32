import type { Holdfast } from "holdfast";
import { systemKeys } from "holdfast/operate";

/** The most entries that one call returns. If it returns this many, there may be more, so another call follows. */
const PAGE = 1_000;
/** After a failover the clock may be behind, so a new entry can have an older id than one already read. */
const OVERLAP_MS = 2_000;

export type EndedSession = readonly [id: string, until: number];

/**
 * The log-outs of dashboard sessions, kept in Redis in their order. Each reader remembers the last log-out that it
 * has read, and continues after it.
 */
export class EndedSessions {
  readonly #connection: Holdfast["connection"];
  readonly #key: string;

  constructor({ connection, prefix }: Pick<Holdfast, "connection" | "prefix">) {
    this.#connection = connection;
    this.#key = systemKeys(prefix).logOuts;
  }

  /**
   * Records a log-out.
   * @param until when the cookie would have expired anyway, ms since the epoch
   * @param keepMs how long after a log-out a cookie can still be valid; older entries are removed
   */
  async add(id: string, until: number, keepMs: number): Promise<void> {
    // `oldest` comes from the Redis clock, like the ids. The clock of this machine may be ahead, and then Redis would
    // remove a new entry at once.
    const oldest = String(Math.max(0, Math.floor(this.#connection.now() - keepMs)));
    await this.#connection.command(
      ...(["XADD", this.#key, "MINID", "~", oldest, "*", "id", id, "until", String(until)] as const),
    );
  }

  /**
   * Returns the log-outs after the cursor, page by page. Those of the last seconds before the cursor are returned
   * again.
   * @param since the cursor of the last call; "" reads all
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
