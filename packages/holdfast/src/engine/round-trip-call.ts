import { decodePast, type Past, type RoundTrip, roundTripOf } from "./round-trip.ts";
import type { VerdictOutcome } from "./verdict.ts";

export interface RoundTripArgs {
  want: number;
  held: number;
  leaseMs: number;
  /** How often a task is retried that has no maxRetries of its own. */
  maxRetries: number;
  /** Types with maxRetries or timeoutMs of the worker, in the format of lua/lib/lease.lua. @default "" for none */
  ownTerms?: string;
  workerId: string;
  nonce: string;
  /** The types that the worker runs, each after a space, such as ` email.* sms.send`; "" for any type. @default "" */
  types?: string;
  noHandlerAfterMs: number;
  /** Whether Redis keeps ("parks") the request until an enqueue if it has no task now. @default false */
  park?: boolean;
}

/** Returns the arguments with which acquire and settle ask for tasks. */
export function acquireFields(args: RoundTripArgs) {
  const { want, held, leaseMs, maxRetries, ownTerms = "", workerId, nonce, types = "" } = args;
  const { noHandlerAfterMs } = args;
  const terms = `${maxRetries}${ownTerms}`;
  return { want, held, leaseMs, maxRetries: terms, workerId, nonce, types, noHandlerAfterMs };
}

/** Sorts outcomes into the order of the caller. `places` has the position of each outcome in that order. */
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

const OUTCOMES: Record<string, VerdictOutcome> = {
  a: "acked",
  r: "retried",
  d: "dead",
  l: "released",
  c: "cancelled",
  s: "stale",
  u: "unknown",
};

/** The index of the first envelope in a reply. */
const ENVELOPES_AT = 6;

/** Decodes `place=counts …`, which has the counters of each task that was granted before. */
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
  // One text has all ids, because each additional string of a reply costs Redis and the client more than splitting one.
  const ids = named === "" ? [] : named.split(" ");
  const granted = { first, ids, envelopes: reply as readonly unknown[], from: ENVELOPES_AT };
  const outcomes = new Array<VerdictOutcome>(verdicts.length);
  for (let i = 0; i < verdicts.length; i++) outcomes[i] = OUTCOMES[verdicts[i] as string] ?? "unknown";
  const trip = roundTripOf(now, outcomes, flags, granted, placedPasts(counts), nonce);
  const [, , , , , , dueInMs] = reply;
  if (typeof dueInMs === "number" && dueInMs >= 0) trip.dueInMs = dueInMs;
  return trip;
}
