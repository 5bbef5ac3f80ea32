import { HoldfastError } from "@holdfast/contracts";
import type { TailBytes } from "../redis/tail-bytes.ts";

const AGAIN_ROUNDS = 10;

export interface EnqueueArgs {
  /** True if callers gave the ids, so that the script has to look for tasks that have these ids already. */
  checked: boolean;
  /** With `checked`: the id of a failed task cannot be used again either. @default false: a new task gets the id */
  once?: boolean;
  /** Whether tasks of the call have unique keys. @default false */
  unique?: boolean;
  high: number;
  normal: number;
  low: number;
  /** How many tasks with a key the call has. @default 0 */
  keyed?: number;
  /** At most 500 tasks, each as id and envelope, in this order: high, normal, low, with a key, scheduled. */
  tail: string[];
  /** The same as `tail`, encoded already as it is sent to Redis. */
  bytes?: TailBytes;
}

/**
 * The answer to an enqueue. `verdicts` has a letter per task, as in lua/transitions/enqueue.lua, or r: replaced; x: the task
 * that holds the unique key has another type or key, so it was not replaced. `states` has the state letter of the known
 * task for each verdict d, c, o, u, w, r or x. `owners` has the id of the task that holds the unique key, for each o,
 * u, w, r or x.
 */
export interface EnqueueAnswer {
  verdicts: string;
  states: string;
  /** Absent if no verdict has an owner. */
  owners?: readonly string[];
}

/** Makes an answer from the texts of a reply. @param owners ids, separated by spaces */
export function answerOf(verdicts: string, states: string, owners: string): EnqueueAnswer {
  return { verdicts, states, owners: owners.split(" ") };
}

/**
 * Returns a text for each task: the letter of its verdict, then the letter of the state of the known task if there is
 * one, then the id of the task that holds the unique key.
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

/** Makes a call with some of the tasks of another call. @param places positions of these tasks, in ascending order */
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

/** Returns the arguments of the script replace: ids of tasks that hold unique keys, and their new envelopes. */
const replacementsOf = ({ tail }: EnqueueArgs, places: readonly number[], letters: readonly string[]) =>
  places.flatMap((place) => [(letters[place] as string).slice(2), tail[2 * place + 1] as string]);

/**
 * Puts the answer of the script replace into the text of a task. @param letter p or s: replaced, and this is the state
 * now; g: the holder no longer waits; x: the holder has another type or key
 */
function replacedPart(part: string, letter = "g"): string {
  if (letter === "g") return letter;
  return letter === "x" ? `x${part.slice(1)}` : `r${letter}${part.slice(2)}`;
}

/**
 * Handles the verdicts that need another script. e: the id belongs to a task that failed, so the id gets a new task. w:
 * the waiting task that holds the unique key is replaced. Separate scripts do this, so that the script enqueue need not
 * declare their Redis keys.
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
  // Other clients may purge, enqueue or cancel the same ids meanwhile, so several rounds may be needed.
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
