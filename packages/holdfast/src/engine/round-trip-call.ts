import { decodePast, type Past, type RoundTrip, roundTripOf, type VerdictOutcome } from "./round-trip.ts";

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

/** Reads "place=counts …", which lists the tasks that were granted before. */
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
