import { inspect, types } from "node:util";
import { CUT_MARK, ERROR_MEANING, HOLD_SCOPES, type HoldScope, LIMITS } from "@holdfast/contracts";
import { encodeLine } from "../engine/text.ts";

/** The description of a thrown value. Plain data, so that a child process can send it to its worker. */
export interface Thrown {
  name: string;
  message: string;
  /** The stack lines, each beginning with a line break. */
  frames: string;
  code?: string;
  means?: "fatal" | "cancel" | "retry_after" | "postpone" | "rate_limited";
  /** How long a RetryAfter or Postpone waits, or how long a RateLimited holds other tasks, ms. */
  delayMs?: number;
  /** Which tasks a RateLimited holds: those of the key, the type or the queue. */
  scope?: HoldScope;
  cause?: Thrown;
  /** The first inner errors of an AggregateError. */
  errors?: Thrown[];
  /** How many inner errors the AggregateError has. */
  errorCount?: number;
  /** The text of a thrown value that is not an error. Name and message are then empty. */
  text?: string;
}

// At most this many characters of an error are read. Fewer are stored.
const CHARACTERS = 4 * LIMITS.errorCharacters;
const CODE_CHARACTERS = 64;
const CAUSES = 5;
const ERRORS = 3;
// Limits for the first line of an error with causes or inner errors, and for the line of each cause or inner error,
// characters. Without them, one long message would leave no room for the others.
const OUTER_CHARACTERS = 480;
const INNER_CHARACTERS = 240;
const NO_TEXT = "a value that cannot be shown";

// Finds the stack line where this library called the handler, by file too: user functions may have the same names.
const CALLED_HERE =
  /\n {4}at (?:RunningTask\.start \([^)\n]*running-task\.|(?:async )?runCall \([^)\n]*batch-call\.)/;

/** Reads a property without throwing: a getter may throw, and so may a revoked proxy. */
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
 * Returns whether a value is an error of any realm, or looks like one, such as an error that was sent as JSON.
 * `instanceof` would only know the errors of this realm, and would throw for a revoked proxy.
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

/** Shortens a text that is too long, and marks it as cut. */
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

/** Returns the kind of special error, with the fields of that kind. */
function meaningOf(means: unknown, value: unknown): Pick<Thrown, "means" | "delayMs" | "scope"> {
  if (means === "fatal" || means === "cancel") return { means };
  if (means === "retry_after" || means === "postpone")
    return { means, delayMs: saneDelayMs(read(value, "delayMs")) };
  if (means !== "rate_limited") return {};
  const scope = HOLD_SCOPES.find((name) => name === read(value, "scope")) ?? "key";
  return { means, delayMs: saneDelayMs(read(value, "holdMs")), scope };
}

/** Returns a wait as a number that scripts accept. An invalid number would make the call fail for all tasks in it. */
export function saneDelayMs(delayMs: unknown): number {
  const ms = typeof delayMs === "number" || typeof delayMs === "string" ? Number(delayMs) : 0;
  return Number.isNaN(ms) ? 0 : Math.min(LIMITS.delayMs, Math.max(0, ms));
}

/** Removes the stack lines below the handler. They are the same for every error and use most of the space. */
function withoutOwnFrames(frames: string): string {
  const at = frames.search(CALLED_HERE);
  return at >= 0 ? frames.slice(0, at) : frames;
}

/** Returns the stack lines of an error, which come after its name and message. */
function framesOf(stack: unknown, message: string): string {
  if (typeof stack !== "string") return "";
  // The search begins after the message, because the message may have line breaks too.
  const found = message === "" ? 0 : stack.indexOf(message);
  const at = stack.indexOf("\n", found < 0 ? 0 : found + message.length);
  return at < 0 ? "" : withoutOwnFrames(stack.slice(at, at + CHARACTERS));
}

/** Describes any thrown value as plain data. Never throws. */
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
  // The numeric code of a DOMException comes from its class and says less than its name, so it is left out.
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
    // Some validation libraries attach arrays of other things as `errors`. These are not kept.
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
  const coded = code === undefined || message.includes(code) ? name : `${name} [${code}]`;
  return cutText(message === "" ? coded : `${coded}: ${message}`, characters);
}

/** Returns as many whole lines as fit. */
function linesWithin(frames: string, characters: number): string {
  if (frames.length <= characters) return frames;
  return frames.slice(0, Math.max(0, frames.lastIndexOf("\n", characters)));
}

/** Returns one line for each inner error and for the cause, each followed by the same lines about that error. */
function explanations({ cause, errors, errorCount = 0 }: Thrown): string[] {
  const lines = [];
  for (const [i, error] of (errors ?? []).entries())
    lines.push(`Error ${i + 1} of ${errorCount}: ${headOf(error, INNER_CHARACTERS)}`, ...explanations(error));
  if (cause) lines.push(`${CAUSED_BY}${headOf(cause, INNER_CHARACTERS)}`, ...explanations(cause));
  return lines;
}

const CAUSED_BY = "Caused by: ";

/**
 * Returns the text of an error as it is stored: name, code, message and the stack down to the handler, then the causes
 * and the first inner errors without their stacks. The text is encoded as one line.
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
