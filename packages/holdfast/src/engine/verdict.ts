import type { HoldScope } from "@holdfast/contracts";

interface ToldError {
  /** The error as it is stored. */
  error: string;
  /** What the failure is counted under (engine/signature.ts). @default no signature */
  told?: string;
}

/** The verdict of a worker about an attempt, with the fence of its lease. */
export type Verdict =
  | { kind: "ack"; id: string; fence: string; resultText?: string }
  | ({ kind: "fail"; id: string; fence: string; delayMs: number } & ToldError)
  | ({ kind: "fatal" | "quarantine"; id: string; fence: string } & ToldError)
  /** The task ends as cancelled. With `drop`, its last attempt failed and leaves no dead letter. */
  | ({ kind: "cancel" | "drop"; id: string; fence: string } & ToldError)
  /**
   * An error that does not count as a failure: the attempt is refunded (at most RATE_LIMITED_MAX times), and the task
   * waits. `delayMs` is at least 1.
   */
  | ({ kind: "excuse"; id: string; fence: string; delayMs: number } & ToldError)
  /**
   * The handler sleeps or waits: the attempt is refunded, and the task is scheduled. `events`: the events that wake it
   * sooner, percent-encoded and separated by commas.
   */
  | { kind: "suspend"; id: string; fence: string; delayMs: number; events: string }
  | { kind: "release"; id: string; fence: string }
  /** The attempt never began: the task is handed back unchanged, however often. */
  | { kind: "unstarted"; id: string; fence: string }
  /** A rate limit was met: the key of the task, its type or the queue is held for `delayMs`. */
  | { kind: "limited"; id: string; fence: string; delayMs: number; scope: HoldScope }
  /**
   * The worker has no handler for the type. The task is put aside until a worker with such a handler asks for tasks.
   */
  | { kind: "unrouted"; id: string; fence: string };

/** Joins lists. It is much faster than `flatMap`, which is slow for short lists (hot path). */
function joined<T>(lists: readonly T[][]): T[] {
  const none: T[] = [];
  return none.concat(...lists);
}

/** The tasks of one fence that completed without a result. They are sent together. */
interface Acks {
  fence: string;
  ids: string[];
  places: number[];
}

const textOf = ({ told, error }: ToldError) => (told === undefined ? error : `${told}\n${error}`);

/** Adds the five arguments of the script for a verdict other than a plain ack. */
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

/**
 * Orders the verdicts for `lua/transitions/settle.lua`, with acks first and grouped by fence, and notes the place of
 * each verdict.
 */
export function verdictTail(verdicts: readonly Verdict[]) {
  const byFence = new Map<string, Acks>();
  const others: (string | number)[] = [];
  const otherPlaces: number[] = [];
  // Tasks that were granted together mostly end together, so the fence is looked up once for all of them.
  let acks: Acks | undefined;
  // Not a loop: V8 would compile a loop twice in the first half second of a worker, once while it runs and once as a
  // function.
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
