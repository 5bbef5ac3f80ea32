import { HoldfastError } from "@holdfast/contracts";
import type { TailBytes } from "../redis/tail-bytes.ts";

const AGAIN_ROUNDS = 10;

export interface EnqueueArgs {
  /** The ids were given by callers: they are looked up. */
  checked: boolean;
  /** With `checked`: a task that ended without completing keeps its id too. @default false: a new life of it begins */
  once?: boolean;
  high: number;
  normal: number;
  low: number;
  /** @default 0 */
  keyed?: number;
  /** taskId, envelope, …: high, then normal, then low, then with a key, then scheduled. At most 500 tasks. */
  tail: string[];
  /** Instead of the tail: the same, as the bytes of the call. */
  bytes?: TailBytes;
}

/** A letter per task, as the script enqueue gives it, and the state letter of each duplicate and conflict in turn. */
export interface EnqueueAnswer {
  verdicts: string;
  states: string;
}

/** The letter of each task, followed by the letter of its state if it has one. */
function lettersOf({ verdicts, states }: EnqueueAnswer): string[] {
  let known = 0;
  return [...verdicts].map((verdict) =>
    verdict === "d" || verdict === "c" ? verdict + (states[known++] ?? "r") : verdict,
  );
}

function answerOf(letters: readonly string[]): EnqueueAnswer {
  return {
    verdicts: letters.map((letter) => letter.charAt(0)).join(""),
    states: letters.map((letter) => letter.slice(1)).join(""),
  };
}

/** Some tasks of a call as a call of their own. @param places in ascending order */
function partOf({ high, normal, low, keyed = 0, tail }: EnqueueArgs, places: readonly number[]): EnqueueArgs {
  const between = (from: number, to: number) => places.filter((place) => place >= from && place < to).length;
  return {
    checked: true,
    high: between(0, high),
    normal: between(high, high + normal),
    low: between(high + normal, high + normal + low),
    keyed: between(high + normal + low, high + normal + low + keyed),
    tail: places.flatMap((place) => tail.slice(2 * place, 2 * place + 2)),
  };
}

/**
 * Begins the next life of each task that ended without completing: letter e of the first answer. That is a script of its own, so
 * that an enqueue of new tasks does not name the keys that it takes.
 */
export async function beginAgain(
  args: EnqueueArgs,
  first: EnqueueAnswer,
  calls: {
    store: (args: EnqueueArgs) => Promise<EnqueueAnswer>;
    again: (tail: readonly string[]) => Promise<EnqueueAnswer>;
  },
): Promise<EnqueueAnswer> {
  const letters = lettersOf(first);
  const placesOf = (letter: string) => letters.flatMap((own, place) => (own === letter ? [place] : []));
  // Others may purge, enqueue and cancel the same ids all the while.
  for (let round = 0; round < AGAIN_ROUNDS; round++) {
    const ended = placesOf("e");
    if (ended.length === 0) return answerOf(letters);
    const begun = lettersOf(await calls.again(partOf(args, ended).tail));
    ended.forEach((place, i) => {
      letters[place] = begun[i] ?? "e";
    });
    const gone = placesOf("g");
    if (gone.length === 0) continue;
    const stored = lettersOf(await calls.store(partOf(args, gone)));
    gone.forEach((place, i) => {
      letters[place] = stored[i] ?? "e";
    });
  }
  throw new HoldfastError("conflict", "others enqueue and remove tasks with the same ids: try again", {
    retryAfterMs: 1_000,
  });
}
