import { CUT_MARK, LIMITS } from "@holdfast/contracts";
import {
  eachElement,
  eachMember,
  JsonText,
  OPEN_BRACE,
  OPEN_BRACKET,
  scanValue,
  skipSpace,
} from "@holdfast/contracts/json";

/** The text that replaces a masked value. */
const MASK = "***";
const MASK_TEXT = JSON.stringify(MASK);
/** Shorter values are not masked in error texts, because they would match parts of many other words. */
const LEAST_SECRET = 4;

/** The steps of one pointer. Null stands for `*`, which matches every member or element. */
export type Pointer = readonly (string | null)[];

/** Parses JSON pointers. @throws Error that names the invalid pointer */
export function parsePointers(texts: readonly string[]): Pointer[] {
  return texts.map((text) => {
    if (!text.startsWith("/") || /~(?![01])/.test(text)) {
      throw new Error(
        `"${text}" is not a JSON pointer: write it like /card/number, or /card/* for all of it`,
      );
    }
    return text
      .slice(1)
      .split("/")
      .map((step) => (step === "*" ? null : step.replaceAll("~1", "/").replaceAll("~0", "~")));
  });
}

/**
 * Replaces the values at these pointers in a JSON text, and keeps every other character.
 * @param onMasked called with each text that was replaced
 */
export function maskJson(
  text: string,
  pointers: readonly Pointer[],
  onMasked?: (text: string) => void,
): string {
  const json = new JsonText(Buffer.from(text));
  const parts: string[] = [];
  let kept = 0;
  const cut = (start: number, end: number) => {
    parts.push(json.bytes.toString("utf8", kept, start), MASK_TEXT);
    onMasked?.(json.bytes.toString("utf8", start, end));
    kept = end;
  };
  try {
    visit(json, skipSpace(json.bytes, 0), pointers, LIMITS.jsonDepth + 2, cut);
  } catch {
    // The text is not JSON, so the secret may be anywhere in it.
    onMasked?.(text);
    return MASK_TEXT;
  }
  parts.push(json.bytes.toString("utf8", kept));
  return parts.join("");
}

/**
 * @returns the index of the first character after the value
 */
function visit(
  text: JsonText,
  at: number,
  pointers: readonly Pointer[],
  budget: number,
  cut: (start: number, end: number) => void,
): number {
  if (pointers.some(({ length }) => length === 0)) {
    const end = scanValue(text, at, budget);
    cut(at, end);
    return end;
  }
  const below = (step: string) =>
    pointers.filter(([first]) => first === null || first === step).map((pointer) => pointer.slice(1));
  const code = text.bytes[at];
  if (code === OPEN_BRACE) {
    return eachMember(text, at, budget, (keyStart, keyEnd, valueStart) => {
      // The name is unescaped before it is compared, because `"\u0063ard"` is "card".
      const inner = below(JSON.parse(text.bytes.toString("utf8", keyStart, keyEnd)) as string);
      if (inner.length > 0) visit(text, valueStart, inner, budget - 1, cut);
    });
  }
  if (code === OPEN_BRACKET) {
    let index = 0;
    return eachElement(text, at, budget, (start) => {
      const inner = below(String(index++));
      return inner.length > 0
        ? visit(text, start, inner, budget - 1, cut)
        : scanValue(text, start, budget - 1);
    });
  }
  return scanValue(text, at, budget);
}

/**
 * Replaces these secrets wherever a text such as an error message quotes them. Errors are cut when they are stored, so
 * the text may end within a secret. The beginning of that secret is replaced too.
 */
function maskWords(words: string, secrets: readonly string[]): string {
  const cuts: number[] = [];
  for (let at = words.indexOf(CUT_MARK); at >= 0; at = words.indexOf(CUT_MARK, at + 1)) cuts.push(at);
  // Older versions of Holdfast cut long errors without the mark. So the end of a text of the full length may be a cut
  // too.
  if (words.length >= LIMITS.errorCharacters) cuts.push(words.length);
  let masked = words;
  // A secret that was cut is masked before whole secrets. It may contain a number that is itself a secret. If that
  // number were masked first, the cut secret would no longer be recognised. The cuts are handled from last to first, so
  // that the positions of the others stay right.
  for (const cut of cuts.reverse()) {
    const begun = Math.max(0, ...secrets.map((secret) => beginningAt(masked, cut, secret)));
    if (begun > 0) masked = masked.slice(0, cut - begun) + MASK + masked.slice(cut);
  }
  for (const secret of secrets) masked = masked.replaceAll(secret, MASK);
  return masked;
}

/** Returns how many characters right before `cut` are the beginning of the secret. */
function beginningAt(words: string, cut: number, secret: string): number {
  for (let length = Math.min(secret.length - 1, cut); length > 0; length--)
    if (words.startsWith(secret.slice(0, length), cut - length)) return length;
  return 0;
}

/** Returns the strings and numbers within JSON texts, in all forms in which an error may quote them, longest first. */
function secretsIn(texts: readonly string[]): string[] {
  const found = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value === "string") {
      found.add(value);
      // A progress value or a log line may quote the string as JSON with escapes.
      found.add(JSON.stringify(value).slice(1, -1));
    } else if (typeof value === "number") found.add(String(value));
    else if (typeof value === "object" && value !== null)
      for (const inner of Object.values(value)) collect(inner);
  };
  for (const text of texts) {
    // A JSON string needs no entry here: `collect` adds it without its quotes, which matches the JSON form too.
    if (!text.startsWith('"')) found.add(text);
    // A number is also masked in its original form, because JavaScript may not represent it exactly.
    for (const [number] of text.matchAll(/-?\d[\d.eE+-]{3,}/g)) found.add(number);
    try {
      collect(JSON.parse(text));
    } catch {
      // The text is not JSON. It was added as a whole above.
    }
  }
  return [...found].filter(({ length }) => length >= LEAST_SECRET).sort((a, b) => b.length - a.length);
}

const JSON_FIELDS = ["payloadText", "resultText"] as const;

/** Returns a function that masks a whole answer: each task in it, and each other object with a payload. */
export function createMasker(pointers: readonly Pointer[]): (value: unknown) => unknown {
  const mask = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(mask);
    const fields = value as Record<string, unknown>;
    if (!JSON_FIELDS.some((name) => typeof fields[name] === "string")) return mapFields(fields, mask);
    const taken: string[] = [];
    const masked: Record<string, unknown> = {};
    for (const name of JSON_FIELDS) {
      const text = fields[name];
      if (typeof text === "string") masked[name] = maskJson(text, pointers, (secret) => taken.push(secret));
    }
    const secrets = secretsIn(taken);
    const words = (inner: unknown): unknown => {
      if (typeof inner === "string") return maskWords(inner, secrets);
      if (typeof inner !== "object" || inner === null) return inner;
      return Array.isArray(inner) ? inner.map(words) : mapFields(inner as Record<string, unknown>, words);
    };
    // Fields that identify the task are not masked, so that an operator can still find it.
    const names = ["id", "queue", "type", "state", "fence", "workerId", ...JSON_FIELDS];
    for (const [name, inner] of Object.entries(fields)) {
      if (!(name in masked)) masked[name] = names.includes(name) ? inner : words(inner);
    }
    // A signature is made from the text of an error. With it, a caller could check guesses about a masked value.
    if (taken.length > 0 && "signature" in masked) masked.signature = MASK;
    return masked;
  };
  return mask;
}

function mapFields(
  fields: Record<string, unknown>,
  map: (value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, inner]) => [name, map(inner)]));
}
