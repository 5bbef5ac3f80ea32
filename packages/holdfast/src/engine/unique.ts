import { HoldfastError, type Unique, type UniqueView } from "@holdfast/contracts";
import { decodeWord, encodeWord } from "./text.ts";

/** The unique key of a task with its options, as the envelope stores them. */
export type UniqueTerms = Omit<UniqueView, "holder" | "replaced">;

// The letters for these options in an envelope, which lua/lib/unique.lua reads.
const SCOPES = { waiting: "w", unfinished: "u", window: "t" } as const;
const CONFLICTS = { existing: "e", reject: "r", replace: "p", debounce: "d", keepLatest: "l" } as const;

/** Encodes the option u: `<scope><onConflict>[<windowMs or maxWaitMs>],<key>`, such as `te60000,user-7`. */
export function encodeUnique(unique: Unique): string {
  const { key, windowMs, maxWaitMs, onConflict = "existing" } = unique;
  const { scope = onConflict === "debounce" ? "waiting" : "unfinished" } = unique;
  return `${SCOPES[scope]}${CONFLICTS[onConflict]}${windowMs ?? maxWaitMs ?? ""},${encodeWord(key)}`;
}

/** Returns the unique key in the form of the option `unique` of an enqueue. */
export const uniqueOptions = ({ windowMs, maxWaitMs, ...rest }: UniqueTerms): Unique => ({
  ...rest,
  ...(windowMs === null ? {} : { windowMs }),
  ...(maxWaitMs === null ? {} : { maxWaitMs }),
});

const nameOf = <Name extends string>(
  letters: Record<Name, string>,
  letter: string | undefined,
): Name | undefined => (Object.keys(letters) as Name[]).find((name) => letters[name] === letter);

/** Decodes the option u of an envelope. @throws HoldfastError invalid_argument */
export function decodeUnique(text: string): UniqueTerms {
  const [, scopeLetter, conflictLetter, ms, word] = /^(\w)([a-z])(\d*),(\S+)$/.exec(text) ?? [];
  const scope = nameOf(SCOPES, scopeLetter);
  const onConflict = nameOf(CONFLICTS, conflictLetter);
  try {
    const windowMs = scope === "window" ? Number(ms) : null;
    const maxWaitMs = onConflict === "debounce" ? Number(ms) : null;
    if (scope && onConflict && word) return { key: decodeWord(word), scope, windowMs, onConflict, maxWaitMs };
  } catch {
    // decodeWord throws if the key is not percent-encoded.
  }
  throw new HoldfastError("invalid_argument", "this is not a task: its unique key cannot be decoded");
}
