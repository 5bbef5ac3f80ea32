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
import type { VerdictOutcome } from "./verdict.ts";

/** The earlier attempts of a task, as the grant of the task reports them. */
export interface Past {
  /** The number of the attempt that begins now, from 1. */
  attempt: number;
  /** Whether this is the first attempt, so that its start ends the wait of the task. */
  fresh: boolean;
  /** How often the task was replayed, or enqueued again after it had failed. */
  generation: number;
  /** The trace context of the last attempt, if that attempt was traced. */
  span: string | undefined;
}

export const FRESH: Past = { attempt: 1, fresh: true, generation: 0, span: undefined };
/** Stands for a task whose `expiresAt` had passed. It is recognised as this very object (===), not by its fields. */
const EXPIRED: Past = { ...FRESH };

/** A task that was leased to the caller. */
export interface Grant {
  id: string;
  /** `<fence>.<place>`, which no other lease has. */
  token: string;
  /** `<number of the first grant>-<nonce>`, the same for all tasks of a call. A settle has to name it. */
  fence: string;
  envelope: string;
  past: Past;
}

export interface RoundTrip {
  now: number;
  outcomes: VerdictOutcome[];
  grants: Grant[];
  /** How many tasks the reply names. If the call was repeated, the worker may no longer hold some of them. */
  named: number;
  /** Tasks that were not granted because their `expiresAt` had passed. */
  expired: { id: string; envelope: string }[];
  paused: boolean;
  /** True if a task that has to run alone waits. The worker should then end its tasks and ask again. */
  makeRoom: boolean;
  /** Whether the granted task has to run alone. */
  solo: boolean;
  /** Whether to ask again: list entries without a pending task were removed, and there may be tasks after them. */
  again: boolean;
  /** Whether tasks wait for a worker that runs their type, so that the calls should name the types of the worker. */
  typed: boolean;
  /** Whether nodes of flows have ended, so that the worker has to call flow_advance. */
  ends: boolean;
  /** Whether Redis keeps ("parks") the request, so that an enqueue may grant tasks to it later. */
  parked: boolean;
  /** If nothing was granted: how long until the next scheduled task is due, ms; Infinity if none is known. */
  dueInMs: number;
}

/** Decodes `<counts>[~<trace context>]`, or "e" for an expired task. decodeCounts explains the counts. */
export function decodePast(text: string): Past {
  if (text === "e") return EXPIRED;
  const [head = "", span] = text.split("~");
  const { attempts, failures, crashes, releases, generation, suspended } = decodeCounts(head);
  const fresh = attempts + failures + crashes + releases + generation === 1 && !suspended;
  return { attempt: attempts, fresh, generation, span };
}

/** The tasks that one call has granted, in the order of their tokens. */
interface Granted {
  first: string;
  ids: readonly string[];
  envelopes: readonly unknown[];
  /** The index of the first envelope. */
  from: number;
}

/** Decodes a reply. @param pasts earlier attempts, by the position of the task from 1, of tasks granted before */
export function roundTripOf(
  now: number,
  outcomes: VerdictOutcome[],
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
    // Tasks that the worker no longer holds come without an envelope.
    else if (envelope) grants.push({ id, token: `${fence}.${i + 1}`, fence, envelope, past });
  }
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

/** The message with which an enqueue hands tasks to a worker whose request is parked in Redis. */
export interface Push {
  requestSlot: string;
  sequence: number;
  /** When the tasks were granted, by the clock of Redis, ms since the epoch. */
  now: number;
  /**
   * Decodes the tasks of the message. Null if they were too large for a message.
   * @param nonce the nonce of the parked request, from which the tokens are built
   */
  roundTrip(nonce: string): RoundTrip | null;
}

/**
 * Reads a message of `lua/lib/push.lua`: a head line, a line per task with the length of its envelope in bytes, then
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
      return roundTripOf(Number(now), [], 0, { first, ids, envelopes, from: 0 }, pasts, nonce);
    },
  };
}

/** Reads the message `cancel <fence> <id>`, which asks to cancel a running task. Null for any other message. */
export function parseCancel(message: Buffer): { id: string; fence: string } | null {
  const [, fence, id] = /^cancel (\S+) (\S+)$/.exec(message.toString("latin1")) ?? [];
  return fence === undefined || id === undefined ? null : { id, fence };
}
