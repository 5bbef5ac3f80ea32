import { inspect, types } from "node:util";
import { CUT_MARK, ERROR_MEANING, HOLD_SCOPES, type HoldScope, LIMITS } from "@holdfast/contracts";
import { encodeLine } from "../engine/text.ts";

/** The description of a thrown value. It is plain data, because it is also sent from a child process to its worker. */
export interface Thrown {
  name: string;
  message: string;
  /** The lines below the message, each beginning with a line break. */
  frames: string;
  code?: string;
  means?: "fatal" | "cancel" | "retry_after" | "postpone" | "rate_limited";
  /** The wait of a RetryAfter, or the hold of a RateLimited, ms. */
  delayMs?: number;
  /** What a RateLimited holds: the key, the type or the queue. */
  scope?: HoldScope;
  cause?: Thrown;
  /** The first errors of an aggregate. */
  errors?: Thrown[];
  /** How many errors the aggregate has. */
  errorCount?: number;
  /** The text for a value that is not an error. Name and message are empty then. */
  text?: string;
}

// At most this many characters of an error are read, because fewer are stored.
const CHARACTERS = 4 * LIMITS.errorCharacters;
const CODE_CHARACTERS = 64;
const CAUSES = 5;
const ERRORS = 3;
// The most characters of the first line of an error that has causes or inner errors, and of the first line of each
// cause or inner error.
const OUTER_CHARACTERS = 480;
const INNER_CHARACTERS = 240;
const NO_TEXT = "a value that cannot be shown";

// The stack line where a handler was called. Functions of a user may have the same names, so the pattern includes the
// file.
const CALLED_HERE =
  /\n {4}at (?:RunningTask\.start \([^)\n]*running-task\.|(?:async )?runCall \([^)\n]*batch-call\.)/;

/** Reads a property without throwing. A getter may throw, and so does every access to a revoked proxy. */
function read(value: unknown, key: string | symbol): unknown {
  try {
    return (value as Record<string | symbol, unknown>)[key];
  } catch {
    return undefined;
  }
}

function hasOwn(value: object, key: string): boolean {
  try {
    return Object.hasOwn(value, key);
  } catch {
    return false;
  }
}

const isObject = (value: unknown): value is object =>
  (typeof value === "object" && value !== null) || typeof value === "function";

/**
 * Returns whether a value is an error of any realm, or has the form of an error, such as one that was sent as JSON.
 * `instanceof` would know only the errors of this realm, and would throw for a revoked proxy.
 */
function isErrorLike(value: unknown): value is object {
  return isObject(value) && (types.isNativeError(value) || typeof read(value, "message") === "string");
}

/** Returns the value as text, on one line if the text is short. Never throws. */
export function textOf(value: unknown): string {
  try {
    if (isObject(value)) return inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY });
    return String(value);
  } catch {
    return NO_TEXT;
  }
}

/** Cuts the text if it is too long, and adds a mark that says so. */
export function cutText(text: string, characters: number): string {
  return text.length <= characters ? text : text.slice(0, characters - CUT_MARK.length) + CUT_MARK;
}

const MEANINGS: Readonly<Record<string, Thrown["means"]>> = {
  FatalError: "fatal",
  CancelTask: "cancel",
  RetryAfter: "retry_after",
  Postpone: "postpone",
  RateLimited: "rate_limited",
};

function namedMeaning(name: string): Thrown["means"] {
  return Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : undefined;
}

/** Returns the meaning of an error, with the values that belong to that meaning. */
function meaningOf(means: unknown, value: unknown): Pick<Thrown, "means" | "delayMs" | "scope"> {
  if (means === "fatal" || means === "cancel") return { means };
  if (means === "retry_after" || means === "postpone")
    return { means, delayMs: saneDelayMs(read(value, "delayMs")) };
  if (means !== "rate_limited") return {};
  const scope = HOLD_SCOPES.find((name) => name === read(value, "scope")) ?? "key";
  return { means, delayMs: saneDelayMs(read(value, "holdMs")), scope };
}

/** Returns a wait that scripts can use as a number. One bad value would delay all verdicts of its batch. */
export function saneDelayMs(delayMs: unknown): number {
  const ms = typeof delayMs === "number" || typeof delayMs === "string" ? Number(delayMs) : 0;
  return Number.isNaN(ms) ? 0 : Math.min(LIMITS.delayMs, Math.max(0, ms));
}

/**
 * Removes the stack lines below the handler. They are the same for every error, and several times as long as the other
 * lines.
 */
function withoutOwnFrames(frames: string): string {
  const at = frames.search(CALLED_HERE);
  return at >= 0 ? frames.slice(0, at) : frames;
}

/** Returns the part of a stack below the name and the message. */
function framesOf(stack: unknown, message: string): string {
  if (typeof stack !== "string") return "";
  // A message may be long, and may itself contain lines like those of a stack.
  const found = message === "" ? 0 : stack.indexOf(message);
  const at = stack.indexOf("\n", found < 0 ? 0 : found + message.length);
  return at < 0 ? "" : withoutOwnFrames(stack.slice(at, at + CHARACTERS));
}

/** Describes any thrown value. Never throws. */
export function readThrown(value: unknown): Thrown {
  return readError(value, new Set(), 0);
}

function readError(value: unknown, seen: Set<unknown>, depth: number): Thrown {
  if (!isErrorLike(value)) {
    return {
      name: "",
      message: "",
      frames: "",
      text: textOf(value).slice(0, CHARACTERS),
      ...meaningOf(namedMeaning(String(read(value ?? {}, "name"))), value),
    };
  }
  const givenName = read(value, "name");
  const name =
    typeof givenName === "string" && givenName !== "" ? givenName.slice(0, INNER_CHARACTERS) : "Error";
  const givenMessage = read(value, "message");
  const message = typeof givenMessage === "string" ? givenMessage : "";
  const thrown: Thrown = {
    name,
    message: message.slice(0, CHARACTERS),
    frames: framesOf(read(value, "stack"), message),
  };
  const code = read(value, "code");
  // The numeric code of a class, such as DOMException, says less than the name, so it is left out.
  if (typeof code === "string" || (typeof code === "number" && hasOwn(value, "code")))
    thrown.code = String(code).slice(0, CODE_CHARACTERS);
  Object.assign(thrown, meaningOf(read(value, ERROR_MEANING) ?? namedMeaning(name), value));
  const cause = read(value, "cause");
  const errors = read(value, "errors");
  if ((cause === undefined && errors === undefined) || depth === CAUSES) return thrown;
  seen.add(value);
  if (cause !== undefined && cause !== null && !seen.has(cause))
    thrown.cause = readError(cause, seen, depth + 1);
  readErrors(thrown, errors, seen, depth);
  return thrown;
}

function readErrors(thrown: Thrown, errors: unknown, seen: Set<unknown>, depth: number): void {
  let list: unknown[];
  try {
    // Some validators attach other arrays to their errors. These are not kept.
    if (!Array.isArray(errors)) return;
    list = errors.slice(0, ERRORS).filter((error) => isErrorLike(error) && !seen.has(error));
    thrown.errorCount = Number(errors.length);
  } catch {
    return;
  }
  if (list.length > 0) thrown.errors = list.map((error) => readError(error, seen, depth + 1));
}

/** Returns name, code and message on one line, or the text of a value that is not an error. */
function headOf({ name, message, code, text }: Thrown, characters: number): string {
  if (text !== undefined) return cutText(text, characters);
  // Many messages already contain the code.
  const coded = code === undefined || message.includes(code) ? name : `${name} [${code}]`;
  return cutText(message === "" ? coded : `${coded}: ${message}`, characters);
}

/** Returns as many whole lines as fit into this number of characters. */
function linesWithin(frames: string, characters: number): string {
  if (frames.length <= characters) return frames;
  return frames.slice(0, Math.max(0, frames.lastIndexOf("\n", characters)));
}

/**
 * Explains an error: one line for each of its inner errors and one for its cause. Each line is followed by the
 * explanations of that error.
 */
function explanations({ cause, errors, errorCount = 0 }: Thrown): string[] {
  const lines = [];
  for (const [i, error] of (errors ?? []).entries())
    lines.push(`Error ${i + 1} of ${errorCount}: ${headOf(error, INNER_CHARACTERS)}`, ...explanations(error));
  if (cause) lines.push(`${CAUSED_BY}${headOf(cause, INNER_CHARACTERS)}`, ...explanations(cause));
  return lines;
}

const CAUSED_BY = "Caused by: ";

/**
 * Returns the text of an error for the record, encoded: name, code, message and the stack down to the handler, then its
 * causes and the first errors of an aggregate, without their stacks.
 */
export function errorText(thrown: Thrown): string {
  const limit = LIMITS.errorCharacters;
  if (!thrown.cause && !thrown.errors) {
    const head = headOf(thrown, limit);
    return encodeLine(head + linesWithin(thrown.frames, limit - head.length));
  }
  const head = headOf(thrown, OUTER_CHARACTERS);
  let told = "";
  for (const line of explanations(thrown))
    if (head.length + told.length + line.length < limit) told += `\n${line}`;
  return encodeLine(head + linesWithin(thrown.frames, limit - head.length - told.length) + told);
}
