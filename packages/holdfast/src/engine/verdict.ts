import type { HoldScope } from "@holdfast/contracts";

/** What happened to a task that a worker has settled. */
export type VerdictOutcome = "acked" | "retried" | "dead" | "released" | "cancelled" | "stale" | "unknown";

interface ToldError {
  /** The error as it is stored. */
  error: string;
  /** What the failure is counted under (`toldOf` in engine/signature.ts). @default it has no signature */
  told?: string;
}

/** How an attempt ended, as a worker tells Redis. The fence names the lease that the worker holds. */
export type Verdict =
  | { kind: "ack"; id: string; fence: string; resultText?: string }
  | ({ kind: "fail"; id: string; fence: string; delayMs: number } & ToldError)
  | ({ kind: "fatal" | "quarantine"; id: string; fence: string } & ToldError)
  /** The task ends as cancelled. With `drop` its last attempt failed, but the handler wants no dead letter. */
  | ({ kind: "cancel" | "drop"; id: string; fence: string } & ToldError)
  /** The error does not count. The attempt is refunded (up to RATE_LIMITED_MAX times); `delayMs` is at least 1. */
  | ({ kind: "excuse"; id: string; fence: string; delayMs: number } & ToldError)
  /** The handler sleeps or waits: the attempt is refunded. `events`: signals that end the wait, separated by commas. */
  | { kind: "suspend"; id: string; fence: string; delayMs: number; events: string }
  | { kind: "release"; id: string; fence: string }
  /** The attempt never began: the task is handed back unchanged. There is no limit for this. */
  | { kind: "unstarted"; id: string; fence: string }
  /** The handler met a rate limit: no task of this key, type or queue (`scope`) starts for `delayMs`. */
  | { kind: "limited"; id: string; fence: string; delayMs: number; scope: HoldScope }
  /** The worker has no handler for the type. The task waits until a worker that has one asks for tasks. */
  | { kind: "unrouted"; id: string; fence: string };

/** Joins lists. `flatMap` is much slower for short lists (hot path). */
function joined<T>(lists: readonly T[][]): T[] {
  const none: T[] = [];
  return none.concat(...lists);
}

/** Tasks with the same fence that completed without a result. The call names the fence only once. */
interface Acks {
  fence: string;
  ids: string[];
  places: number[];
}

const textOf = ({ told, error }: ToldError) => (told === undefined ? error : `${told}\n${error}`);

/** Adds the five arguments of one verdict to the call. For all verdicts but acks without a result. */
function pushOther(tail: (string | number)[], verdict: Verdict): void {
  const delayMs = "delayMs" in verdict ? Math.round(verdict.delayMs) : 0;
  const text =
    verdict.kind === "ack"
      ? (verdict.resultText ?? "")
      : verdict.kind === "limited"
        ? verdict.scope
        : verdict.kind === "suspend"
          ? verdict.events
          : "error" in verdict
            ? textOf(verdict)
            : "";
  tail.push(verdict.id, verdict.fence, verdict.kind, delayMs, text);
}

/** Sorts verdicts for settle.lua: acks first, by fence. `places`: the position of each in the list of the caller. */
export function verdictTail(verdicts: readonly Verdict[]) {
  const byFence = new Map<string, Acks>();
  const others: (string | number)[] = [];
  const otherPlaces: number[] = [];
  // Tasks that were granted together mostly end together, so the group of the last task is tried first.
  let acks: Acks | undefined;
  // Not a loop, because V8 would compile a loop twice while a worker starts: once while it runs and once as a function.
  verdicts.forEach((verdict, place) => {
    if (verdict.kind !== "ack" || verdict.resultText !== undefined) {
      pushOther(others, verdict);
      otherPlaces.push(place);
      return;
    }
    const { fence } = verdict;
    if (acks?.fence !== fence) {
      acks = byFence.get(fence) ?? { fence, ids: [], places: [] };
      byFence.set(fence, acks);
    }
    acks.ids.push(verdict.id);
    acks.places.push(place);
  });
  const groups = [...byFence.values()];
  const ids = joined(groups.map((group) => group.ids));
  const places = joined([...groups.map((group) => group.places), otherPlaces]);
  const heads = groups.flatMap((group) => [group.fence, String(group.ids.length)]);
  return {
    acks: ids.length,
    fences: groups.length,
    tail: heads.concat(ids, others as string[]),
    places,
  };
}
