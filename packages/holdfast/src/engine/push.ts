import { parseTurn, type Turn, type TurnReply } from "./turn.ts";

/** What a worker is sent when an enqueue granted tasks to its parked request. */
export interface Push {
  slot: string;
  sequence: number;
  /** Redis time of the grant, ms. */
  now: number;
  /** Makes the turn of it, given the nonce of the request; null where the tasks were too large for a message. */
  turn(nonce: string): Turn | null;
}

/**
 * Reads a message of `lua/lib/push.lua`: a head line, one line per task with the length of its envelope in bytes, then
 * the envelopes. Null for what is none: an empty message is a hint.
 */
export function parsePush(message: Buffer): Push | null {
  const headEnd = message.indexOf(10);
  if (headEnd < 0) return null;
  const [slot = "", sequence, now, first = "", count, flags] = message
    .toString("utf8", 0, headEnd)
    .split(" ");
  const tasks = Number(count);
  return {
    slot,
    sequence: Number(sequence),
    now: Number(now),
    turn(nonce) {
      if (tasks === 0) return null;
      const heads: string[][] = [];
      let at = headEnd + 1;
      for (let i = 0; i < tasks; i++) {
        const end = message.indexOf(10, at);
        heads.push(message.toString("utf8", at, end).split(" "));
        at = end + 1;
      }
      const counts = heads.flatMap(([, text = "-"], i) => (text === "-" ? [] : [`${i + 1}=${text}`]));
      // An older producer sends no flags.
      const ids = heads.map(([id]) => id).join(" ");
      const reply: TurnReply = [Number(now), "", first, Number(flags ?? 0), counts.join(" "), ids];
      for (const [, , bytes] of heads) {
        reply.push(message.toString("utf8", at, at + Number(bytes)));
        at += Number(bytes);
      }
      return parseTurn(reply, nonce);
    },
  };
}
