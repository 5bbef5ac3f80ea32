/** What became of the task: the answer to a verdict. */
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

/** One task that was leased to the caller. */
export interface Grant {
  id: string;
  /** `<grant>-<nonce>.<place>`: the fence, and the place among the tasks that share it. No other grant has it. */
  token: string;
  /** What Redis keeps of the token: `<grant>-<nonce>`, and a dot where all tasks of one call share it. */
  fence: string;
  envelope: string;
  /** Attempts and what came before, "" for a first attempt (engine/record.ts); after a ~ the span of the last one, where it left one. */
  counts: string;
}

/** The part of a token that Redis keeps and compares; a fence is its own. */
export function fenceOf(token: string): string {
  const dot = token.indexOf(".");
  return dot < 0 ? token : token.slice(0, dot + 1);
}

export interface Turn {
  now: number;
  outcomes: VerdictOutcome[];
  grants: Grant[];
  /** Tasks that were past their `expiresAt` when they were to be granted. */
  expired: { id: string; envelope: string }[];
  paused: boolean;
  /** A task waits that has to run alone: hold nothing, then ask again. */
  drain: boolean;
  /** The one task granted has to run alone. */
  solo: boolean;
  /** Entries were dropped that stood for no task: there may be more behind them. */
  again: boolean;
  /** The request waits in Redis: an enqueue may grant to it. Repeat it to learn what became of it. */
  parked: boolean;
}

export type TurnReply = [
  now: number,
  verdicts: string,
  first: string,
  flags: number,
  counts: string,
  /** Of the envelopes that follow, in their order, with a space between two. */
  ids: string,
  ...envelopes: string[],
];

/** Where the envelopes of a reply begin. */
const ENVELOPES_AT = 6;

/** "place=counts …": of the tasks that are not granted for the first time. */
function placedCounts(text: string): Map<number, string> | undefined {
  if (text === "") return undefined;
  return new Map(
    text.split(" ").map((part) => {
      const at = part.indexOf("=");
      return [Number(part.slice(0, at)), part.slice(at + 1)];
    }),
  );
}

/** The bit of the flags that says that all tasks granted share one fence. */
const SHARED = 32;

export function parseTurn(reply: TurnReply, nonce: string): Turn {
  const [now, verdicts, first, flags, counts, named] = reply;
  const shared = (flags & SHARED) !== 0 ? `${first}-${nonce}` : null;
  const grants: Grant[] = [];
  const expired: { id: string; envelope: string }[] = [];
  const countsOf = placedCounts(counts);
  const grant = Number(first);
  // One text of all ids: what Redis and the client do for each string of a reply is more than the split.
  const ids = named === "" ? [] : named.split(" ");
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as string;
    const envelope = reply[ENVELOPES_AT + i] as string;
    const counts = countsOf?.get(i + 1) ?? "";
    if (counts === "e") expired.push({ id, envelope });
    // A repeated call names those that it no longer holds without their envelope.
    else if (envelope) {
      const fence = shared ?? `${grant + i}-${nonce}`;
      grants.push({ id, token: shared === null ? fence : fence + (i + 1), fence, envelope, counts });
    }
  }
  const outcomes = new Array<VerdictOutcome>(verdicts.length);
  for (let i = 0; i < verdicts.length; i++) outcomes[i] = OUTCOMES[verdicts[i] as string] ?? "unknown";
  return {
    now,
    outcomes,
    grants,
    expired,
    paused: (flags & 1) !== 0,
    drain: (flags & 2) !== 0,
    solo: (flags & 4) !== 0,
    again: (flags & 8) !== 0,
    parked: (flags & 16) !== 0,
  };
}
