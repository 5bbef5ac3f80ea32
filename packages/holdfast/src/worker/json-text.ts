import {
  asHoldfastError,
  FatalError,
  HoldfastError,
  LIMITS,
  LOG_LEVELS,
  type LogLevel,
} from "@holdfast/contracts";
import { shown } from "../options/shape.ts";
import { cutText, readThrown, textOf } from "./thrown.ts";

/** JSON text as a result. It is stored byte for byte: large numbers, key order and white space do not change. */
export class JsonText {
  /** The JSON text. */
  readonly text: string;

  /** @throws HoldfastError invalid_json if the text is not JSON, or cannot be stored byte for byte */
  constructor(text: string) {
    if (typeof text !== "string")
      throw new HoldfastError("invalid_json", `a JsonText is made of JSON text, got ${shown(text)}`);
    try {
      JSON.parse(text);
    } catch (error) {
      throw new HoldfastError("invalid_json", `not JSON: ${(error as Error).message}`, { cause: error });
    }
    // Encoding a lone surrogate as UTF-8 would replace it with another character.
    if (!text.isWellFormed())
      throw new HoldfastError("invalid_json", "the JSON text has a lone surrogate: write it as an escape");
    this.text = text;
  }
}

/**
 * Returns a value as JSON text; undefined if JSON.stringify returns undefined.
 * @throws HoldfastError invalid_argument if the value has no JSON form; any HoldfastError that its `toJSON` throws
 */
function jsonOf(what: string, value: unknown): string | undefined {
  try {
    return value instanceof JsonText ? value.text : JSON.stringify(value);
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const { message, text } = readThrown(error);
    throw new HoldfastError("invalid_argument", `${what} has no JSON form: ${text ?? message}`, {
      cause: error,
    });
  }
}

function checkBytes(what: string, text: string, bytes: number): string {
  // A UTF-16 unit has at most three bytes in UTF-8, so short texts need no exact count.
  if (text.length * 3 > bytes && Buffer.byteLength(text) > bytes)
    throw new HoldfastError(
      "payload_too_large",
      `${what} has ${Buffer.byteLength(text)} bytes of JSON, more than ${bytes}`,
    );
  return text;
}

/** The result of a task as it is stored in Redis. */
export interface StoredResult {
  text?: string;
  /** The reason why the result is not stored. The task is completed anyway, because a retry would do its work again. */
  tooLarge?: HoldfastError;
}

const NOTHING: StoredResult = {};

/**
 * Returns the result of a handler in the form in which it is stored.
 * @throws FatalError if it has no JSON form, because a retry would do the work again and end in the same way
 */
export function storedResult(value: unknown): StoredResult {
  if (value === undefined) return NOTHING;
  try {
    const text = jsonOf("the result", value);
    return text === undefined ? NOTHING : { text: checkBytes("the result", text, LIMITS.resultBytes) };
  } catch (error) {
    const refused = asHoldfastError(error);
    if (refused.code === "payload_too_large") return { tooLarge: refused };
    const fatal = new FatalError(`${refused.message}. Return JSON values, a JsonText, or nothing`);
    // The stack would only show functions of this file.
    fatal.stack = `${fatal.name}: ${fatal.message}`;
    throw fatal;
  }
}

/** Returns a value as JSON text on one line. @throws HoldfastError invalid_argument, payload_too_large */
function lineOf(what: string, value: unknown, bytes: number): string {
  const text = jsonOf(what, value);
  if (text === undefined)
    throw new HoldfastError("invalid_argument", `${what} has no JSON form: it is ${typeof value}`);
  // JSON escapes line breaks and tabs inside strings, so these can only be white space between tokens.
  return checkBytes(what, text.replaceAll(/[\r\n\t]+/g, " "), bytes);
}

/** Returns a progress report as JSON text. @throws HoldfastError invalid_argument, payload_too_large */
export const progressText = (value: unknown) => lineOf("the progress", value, LIMITS.progressBytes);

/** Returns a checkpoint as JSON text. @throws HoldfastError invalid_argument, payload_too_large */
export const checkpointText = (value: unknown) => lineOf("the checkpoint", value, LIMITS.checkpointBytes);

/** Returns a step's result as JSON text; "" for undefined. @throws HoldfastError invalid_argument, payload_too_large */
export function stepText(name: string, value: unknown): string {
  if (value === undefined) return "";
  const what = `the result of step "${name}"`;
  const text = jsonOf(what, value);
  if (text === undefined)
    throw new HoldfastError("invalid_argument", `${what} has no JSON form: it is ${typeof value}`);
  return checkBytes(what, text, LIMITS.stepResultBytes);
}

/** Returns the level of a log line. An unknown level becomes `info`, so that the line is kept. */
export function logLevel(level: unknown): LogLevel {
  return LOG_LEVELS.find((each) => each === level) ?? "info";
}

export function logText(line: unknown): string {
  return cutText(typeof line === "string" ? line : textOf(line), LIMITS.errorCharacters);
}
