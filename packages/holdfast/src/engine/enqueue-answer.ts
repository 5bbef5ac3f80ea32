import { HoldfastError } from "@holdfast/contracts";
import type { TailBytes } from "../redis/tail-bytes.ts";

const AGAIN_ROUNDS = 10;

export interface EnqueueArgs {
  /** Callers gave the ids, so each id is looked up. */
  checked: boolean;
  /** With `checked`: a task that ended without completing keeps its id too. @default false: the id gets a new life */
  once?: boolean;
  /** Tasks of the call have unique keys. @default false */
  unique?: boolean;
  high: number;
  normal: number;
  low: number;
  /** @default 0 */
  keyed?: number;
  /** taskId, envelope, … in this order: high, normal, low, tasks with a key, scheduled tasks. At most 500 tasks. */
  tail: string[];
  /** The bytes of `tail` as they are sent, instead of its texts. */
  bytes?: TailBytes;
}

/**
 * The verdicts have a letter per task, as in the script enqueue. Two letters are added: r replaced, x the task that
 * holds the key has another type or key. The states have the state letter of each task with d, c, o, u, w, r or x. The
 * owners have the id of the task that holds the unique key, for each task with o, u, w, r or x.
 */
export interface EnqueueAnswer {
  verdicts: string;
  states: string;
  /** Absent if no task has an owner. */
  owners?: readonly string[];
}

/** @param owners ids, separated by spaces */
export function answerOf(verdicts: string, states: string, owners: string): EnqueueAnswer {
  return { verdicts, states, owners: owners.split(" ") };
}

/**
 * Returns a text for each task: its letter, then the letter of its state if it has one, then the id of the task that
 * holds its unique key.
 */
function partsOf({ verdicts, states, owners = [] }: EnqueueAnswer): string[] {
  let known = 0;
  let owner = 0;
  return [...verdicts].map((verdict) => {
    if (!"dcouw".includes(verdict)) return verdict;
    const state = states[known++] ?? "r";
    return verdict + state + ("dc".includes(verdict) ? "" : owners[owner++]);
  });
}

function joined(parts: readonly string[]): EnqueueAnswer {
  const owners = parts.map((part) => part.slice(2)).filter((owner) => owner !== "");
  return {
    verdicts: parts.map((part) => part.charAt(0)).join(""),
    states: parts.map((part) => part.charAt(1)).join(""),
    ...(owners.length > 0 ? { owners } : {}),
  };
}

/** Makes a call with some of the tasks of another call. @param places in ascending order */
function partOf(
  { high, normal, low, keyed = 0, tail, unique = false }: EnqueueArgs,
  places: readonly number[],
): EnqueueArgs {
  const between = (from: number, to: number) => places.filter((place) => place >= from && place < to).length;
  return {
    checked: true,
    unique,
    high: between(0, high),
    normal: between(high, high + normal),
    low: between(high + normal, high + normal + low),
    keyed: between(high + normal + low, high + normal + low + keyed),
    tail: places.flatMap((place) => tail.slice(2 * place, 2 * place + 2)),
  };
}

/**
 * Returns the arguments of the script replace: the id of the task that holds the key, and the envelope that this task
 * gets.
 */
const replacementsOf = ({ tail }: EnqueueArgs, places: readonly number[], letters: readonly string[]) =>
  places.flatMap((place) => [(letters[place] as string).slice(2), tail[2 * place + 1] as string]);

/** @param letter the answer of the script replace: p or s, the state that the task has now; or g or x */
function replacedPart(part: string, letter = "g"): string {
  if (letter === "g") return letter;
  return letter === "x" ? `x${part.slice(1)}` : `r${letter}${part.slice(2)}`;
}

/**
 * Gives a new life to the ids with the letter e in the first answer: their tasks ended without completing. Also replaces
 * the tasks that hold unique keys (letter w). Other scripts do this, so that the script enqueue need not declare the
 * Redis keys that they use.
 */
export async function finish(
  args: EnqueueArgs,
  first: EnqueueAnswer,
  calls: {
    store: (args: EnqueueArgs) => Promise<EnqueueAnswer>;
    again: (tail: readonly string[]) => Promise<EnqueueAnswer>;
    replace: (tail: readonly string[]) => Promise<string>;
  },
): Promise<EnqueueAnswer> {
  const letters = partsOf(first);
  const placesOf = (letter: string) =>
    letters.flatMap((own, place) => (own.charAt(0) === letter ? [place] : []));
  // Other clients may purge, enqueue and cancel the same ids at the same time, so this may take several rounds.
  for (let round = 0; round < AGAIN_ROUNDS; round++) {
    const ended = placesOf("e");
    const waiting = placesOf("w");
    if (ended.length + waiting.length === 0) return joined(letters);
    if (ended.length > 0) {
      const begun = partsOf(await calls.again(partOf(args, ended).tail));
      ended.forEach((place, i) => {
        letters[place] = begun[i] ?? "e";
      });
    }
    if (waiting.length > 0) {
      const replaced = await calls.replace(replacementsOf(args, waiting, letters));
      waiting.forEach((place, i) => {
        letters[place] = replacedPart(letters[place] as string, replaced[i]);
      });
    }
    const gone = placesOf("g");
    if (gone.length === 0) continue;
    const stored = partsOf(await calls.store({ ...partOf(args, gone), checked: args.checked }));
    gone.forEach((place, i) => {
      letters[place] = stored[i] ?? "e";
    });
  }
  throw new HoldfastError(
    "conflict",
    "other clients kept enqueueing or removing tasks with the same ids or unique keys at the same time: try again",
    {
      retryAfterMs: 1_000,
    },
  );
}
