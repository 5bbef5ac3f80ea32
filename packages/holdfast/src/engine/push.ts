import { decodePast, type Past, type RoundTrip, roundTripOf } from "./round-trip.ts";

/** The message that a worker gets when an enqueue granted tasks to its parked request. */
export interface Push {
  requestSlot: string;
  sequence: number;
  /** Redis time of the grant, ms. */
  now: number;
  /**
   * Returns the message as the reply to the parked request, which had this nonce. Null if the tasks were too large for
   * a message.
   */
  roundTrip(nonce: string): RoundTrip | null;
}

/**
 * Reads a message of `lua/lib/push.lua`: a head line, one line per task with the length of its envelope in bytes, then
 * the envelopes. Returns null for any other message, such as the empty one that wakes all workers.
 */
export function parsePush(message: Buffer): Push | null {
  const headEnd = message.indexOf(10);
  if (headEnd < 0) return null;
  const [requestSlot = "", sequence, now, first = "", count] = message
    .toString("utf8", 0, headEnd)
    .split(" ");
  const tasks = Number(count);
  return {
    requestSlot,
    sequence: Number(sequence),
    now: Number(now),
    roundTrip(nonce) {
      if (tasks === 0) return null;
      const ids: string[] = [];
      const lengths: number[] = [];
      const pasts = new Map<number, Past>();
      let at = headEnd + 1;
      for (let place = 1; place <= tasks; place++) {
        const end = message.indexOf(10, at);
        const [id = "", counts = "-", length] = message.toString("utf8", at, end).split(" ");
        ids.push(id);
        lengths.push(Number(length));
        if (counts !== "-") pasts.set(place, decodePast(counts));
        at = end + 1;
      }
      const envelopes: string[] = [];
      for (const length of lengths) {
        envelopes.push(message.toString("utf8", at, at + length));
        at += length;
      }
      return roundTripOf(Number(now), "", 0, { first, ids, envelopes, from: 0 }, pasts, nonce);
    },
  };
}

/**
 * Reads a message that asks a worker to cancel a running task (`lua/transitions/cancel.lua`). Returns null for any
 * other message.
 */
export function parseCancel(message: Buffer): { id: string; fence: string } | null {
  const [, fence, id] = /^cancel (\S+) (\S+)$/.exec(message.toString("latin1")) ?? [];
  return fence === undefined || id === undefined ? null : { id, fence };
}
