import { HoldfastError } from "@holdfast/contracts";
import type { TailBytes } from "../redis/tail-bytes.ts";

const AGAIN_ROUNDS = 10;

export interface EnqueueArgs {
  /** Callers gave the ids, so each id is looked up. */
  checked: boolean;
  /**
   * With `checked`: a task that ended without completing also keeps its id. @default false: a new life of the task
   * begins
   */
  once?: boolean;
  /** Tasks of the call have unique keys. @default false */
  unique?: boolean;
  high: number;
  normal: number;
  low: number;
  /** @default 0 */
  keyed?: number;
  /** taskId, envelope, …: high, then normal, then low, then with a key, then scheduled. At most 500 tasks. */
  tail: string[];
  /** The tail as the bytes of the call, instead of texts. */
  bytes?: TailBytes;
}

/**
 * The verdicts have a letter per task, as in the script enqueue. Two letters are added: r replaced, x the task that
 * holds the key has another type or key. The states have the state letter of each d, c, o, u, w, r and x, and the
 * owners the id of the task that holds the unique key of each o, u, w, r and x.
 */
export interface EnqueueAnswer {
  verdicts: string;
  states: string;
  /** Absent if there are none. */
  owners?: readonly string[];
}

/** @param owners ids with spaces between them */
export function answerOf(verdicts: string, states: string, owners: string): EnqueueAnswer {
  return { verdicts, states, owners: owners.split(" ") };
}

/** The letter of each task, followed by the letter of its state if it has one, and by the id of the task that holds its unique key. */
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

/** Makes a call of some tasks of a call. @param places in ascending order */
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

/** The arguments of the script replace: the task that holds the key, and the envelope that it gets. */
const replacementsOf = ({ tail }: EnqueueArgs, places: readonly number[], letters: readonly string[]) =>
  places.flatMap((place) => [(letters[place] as string).slice(2), tail[2 * place + 1] as string]);

/** @param letter the answer of the script replace: p or s, the state that the task has now; or g or x */
function replacedPart(part: string, letter = "g"): string {
  if (letter === "g") return letter;
  return letter === "x" ? `x${part.slice(1)}` : `r${letter}${part.slice(2)}`;
}

/**
 * Begins the next life of each task that ended without completing (letter e of the first answer), and replaces the
 * tasks that hold unique keys (letter w). Other scripts do so, because then an enqueue of new tasks need not declare
 * the Redis keys that these scripts use.
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
    "other clients enqueue and remove tasks with the same ids or unique keys: try again",
    {
      retryAfterMs: 1_000,
    },
  );
}
