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

export interface RoundTripArgs {
  want: number;
  held: number;
  leaseMs: number;
  /** The retries of tasks that do not set maxRetries. */
  maxRetries: number;
  /** Types with their own maxRetries or timeoutMs (lua/lib/lease.lua). @default "" for none */
  ownTerms?: string;
  workerId: string;
  nonce: string;
  /** The types that the worker runs, each after a space, or "" for any type (`lua/lib/typed.lua`). @default "" */
  types?: string;
  noHandlerAfterMs: number;
  /** If nothing is granted, the request is parked in Redis for the next enqueue. @default false */
  park?: boolean;
}

/** Returns the arguments of an acquire, alone or after a settle. */
export function acquireFields(args: RoundTripArgs) {
  const { want, held, leaseMs, maxRetries, ownTerms = "", workerId, nonce, types = "" } = args;
  const { noHandlerAfterMs } = args;
  const terms = `${maxRetries}${ownTerms}`;
  return { want, held, leaseMs, maxRetries: terms, workerId, nonce, types, noHandlerAfterMs };
}

/**
 * Puts the outcomes into the order in which the caller gave the verdicts. `places` has the place of each verdict in
 * that order.
 */
export function inPlace(outcomes: readonly VerdictOutcome[], places: readonly number[]): VerdictOutcome[] {
  const placed = new Array<VerdictOutcome>(places.length);
  for (let i = 0; i < places.length; i++) placed[places[i] as number] = outcomes[i] ?? "unknown";
  return placed;
}

export type RoundTripReply = [
  now: number,
  verdicts: string,
  first: string,
  flags: number,
  counts: string,
  /** The ids of the envelopes that follow, in the same order, separated by spaces. */
  ids: string,
  ...envelopes: (string | number)[],
];

/** The index of the first envelope in a reply. */
const ENVELOPES_AT = 6;

/** Reads `<counts>[~<span>]` (engine/record.ts), or "e" for an expired task. */
export function decodePast(text: string): Past {
  if (text === "e") return EXPIRED;
  const [head = "", span] = text.split("~");
  const { attempts, failures, crashes, releases, generation, suspended } = decodeCounts(head);
  const fresh = attempts + failures + crashes + releases + generation === 1 && !suspended;
  return { attempt: attempts, fresh, generation, span };
}

/** Reads "place=counts …": the places in the reply, and the counts, of the tasks that had been granted before this call. */
function placedPasts(text: string): Map<number, Past> {
  const parts = text === "" ? [] : text.split(" ");
  return new Map(
    parts.map((part) => {
      const at = part.indexOf("=");
      return [Number(part.slice(0, at)), decodePast(part.slice(at + 1))];
    }),
  );
}

export function parseRoundTrip(reply: RoundTripReply, nonce: string): RoundTrip {
  const [now, verdicts, first, flags, counts, named] = reply;
  // All ids are one text, because each further string of a reply costs Redis and the client more than the split.
  const ids = named === "" ? [] : named.split(" ");
  const granted = { first, ids, envelopes: reply as readonly unknown[], from: ENVELOPES_AT };
  const trip = roundTripOf(now, verdicts, flags, granted, placedPasts(counts), nonce);
  const [, , , , , , dueInMs] = reply;
  if (typeof dueInMs === "number" && dueInMs >= 0) trip.dueInMs = dueInMs;
  return trip;
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
