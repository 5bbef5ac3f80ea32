import {
  REPLY_AGAIN,
  REPLY_ALONE,
  REPLY_ENDS,
  REPLY_MAKE_ROOM,
  REPLY_PARKED,
  REPLY_PAUSED,
  REPLY_TYPED,
} from "./format.ts";
import { decodeCounts } from "./record.ts";

/** The answer to a verdict: what happened to the task. */
export type VerdictOutcome = "acked" | "retried" | "dead" | "released" | "cancelled" | "stale" | "unknown";

const OUTCOMES: Record<string, VerdictOutcome> = {
  a: "acked",
  r: "retried",
  d: "dead",
  l: "released",
  c: "cancelled",
  s: "stale",
  u: "unknown",
};

/** The earlier attempts of a task, as its grant reports them. */
export interface Past {
  /** The number of the attempt that is granted, counted from 1. */
  attempt: number;
  /** Whether this is the first attempt, so that its wait is the wait of the task. */
  fresh: boolean;
  /** How often the task was replayed. */
  generation: number;
  /** The span of the last attempt, if that attempt was traced. */
  span: string | undefined;
}

export const FRESH: Past = { attempt: 1, fresh: true, generation: 0, span: undefined };
/** The past of a task that had expired. */
const EXPIRED: Past = { ...FRESH };

/** One task that was leased to the caller. */
export interface Grant {
  id: string;
  /** `<fence>.<place>`. No other grant has this token. */
  token: string;
  /** `<number of the first grant>-<nonce>`. All tasks of one call share it. Redis stores the fence and compares it. */
  fence: string;
  envelope: string;
  past: Past;
}

export interface RoundTrip {
  now: number;
  outcomes: VerdictOutcome[];
  grants: Grant[];
  /** How many tasks the reply names. The reply to a repeated call also names tasks that the worker no longer holds. */
  named: number;
  /** Tasks that had expired when they were to be granted. */
  expired: { id: string; envelope: string }[];
  paused: boolean;
  /** A task waits that has to run alone: the worker should end its tasks, then ask again. */
  makeRoom: boolean;
  /** The granted task has to run alone. */
  solo: boolean;
  /**
   * Entries without a pending task were dropped. The worker should ask again, because there may be tasks behind them.
   */
  again: boolean;
  /** Some tasks wait for a worker that has a handler for their type, so the caller should send its types. */
  typed: boolean;
  /** Nodes of flows ended, so the worker calls flow_advance. */
  ends: boolean;
  /** The request is parked, so an enqueue may grant tasks to it. The worker repeats the request to find out. */
  parked: boolean;
  /** If nothing was granted: how long until the next scheduled task is due, ms; Infinity if none is known. */
  dueInMs: number;
}

/** Reads `<counts>[~<span>]` (engine/record.ts), or "e" for an expired task. */
export function decodePast(text: string): Past {
  if (text === "e") return EXPIRED;
  const [head = "", span] = text.split("~");
  const { attempts, failures, crashes, releases, generation, suspended } = decodeCounts(head);
  const fresh = attempts + failures + crashes + releases + generation === 1 && !suspended;
  return { attempt: attempts, fresh, generation, span };
}

/** The tasks that one call granted, in the order of their tokens. */
interface Granted {
  first: string;
  ids: readonly string[];
  /** The first envelope is at the index `from`. */
  envelopes: readonly unknown[];
  from: number;
}

/** @param pasts the earlier attempts of tasks that were granted before, by place among the ids, counted from 1 */
export function roundTripOf(
  now: number,
  verdicts: string,
  flags: number,
  { first, ids, envelopes, from }: Granted,
  pasts: ReadonlyMap<number, Past>,
  nonce: string,
): RoundTrip {
  const fence = `${first}-${nonce}`;
  const grants: Grant[] = [];
  const expired: { id: string; envelope: string }[] = [];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as string;
    const envelope = envelopes[from + i] as string;
    const past = pasts.get(i + 1) ?? FRESH;
    if (past === EXPIRED) expired.push({ id, envelope });
    // Tasks that the worker no longer holds have no envelopes.
    else if (envelope) grants.push({ id, token: `${fence}.${i + 1}`, fence, envelope, past });
  }
  const outcomes = new Array<VerdictOutcome>(verdicts.length);
  for (let i = 0; i < verdicts.length; i++) outcomes[i] = OUTCOMES[verdicts[i] as string] ?? "unknown";
  return {
    now,
    outcomes,
    grants,
    named: ids.length,
    expired,
    paused: (flags & REPLY_PAUSED) !== 0,
    makeRoom: (flags & REPLY_MAKE_ROOM) !== 0,
    solo: (flags & REPLY_ALONE) !== 0,
    again: (flags & REPLY_AGAIN) !== 0,
    parked: (flags & REPLY_PARKED) !== 0,
    typed: (flags & REPLY_TYPED) !== 0,
    ends: (flags & REPLY_ENDS) !== 0,
    dueInMs: Number.POSITIVE_INFINITY,
  };
}

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
