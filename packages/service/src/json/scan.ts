import { HoldfastError } from "@holdfast/contracts";

/** A JSON text that is not one. The position counts UTF-16 units from 0. */
export class JsonSyntaxError extends HoldfastError {
  readonly position: number;

  constructor(text: string, position: number, expected: string) {
    const found = position < text.length ? JSON.stringify(text[position]) : "the end";
    super("invalid_json", `not valid JSON: expected ${expected} but found ${found} at position ${position}`);
    this.name = "JsonSyntaxError";
    this.position = position;
  }
}

export const QUOTE = 34;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const NINE = 57;
const BACKSLASH = 92;
export const COMMA = 44;
export const COLON = 58;
export const OPEN_BRACKET = 91;
export const CLOSE_BRACKET = 93;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;

// `"\/bfnrt`
const SIMPLE_ESCAPES = new Set([34, 92, 47, 98, 102, 110, 114, 116]);

/**
 * One pass over a JSON value, without building it: RFC 8259 to the letter, the same verdicts as JSON.parse
 * (a property test holds the two together).
 *
 * @param budget how deep arrays and objects may nest from here
 * @param isSimple see `isSimpleText`: strings are then skipped instead of read
 * @returns the index after the value
 * @throws JsonSyntaxError, or HoldfastError payload_too_deep
 */
export function scanValue(text: string, at: number, budget: number, isSimple = false): number {
  const code = text.charCodeAt(at);
  if (code === QUOTE) return isSimple ? skipString(text, at) : scanString(text, at);
  if (code === OPEN_BRACE) return eachMember(text, at, budget, undefined, isSimple);
  if (code === OPEN_BRACKET) {
    return eachElement(text, at, budget, (start) => scanValue(text, start, budget - 1, isSimple));
  }
  if (code === MINUS || (code >= ZERO && code <= NINE)) return scanNumber(text, at);
  if (text.startsWith("true", at) || text.startsWith("null", at)) return at + 4;
  if (text.startsWith("false", at)) return at + 5;
  throw new JsonSyntaxError(text, at, "a value");
}

export function skipSpace(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return at;
    at++;
  }
}

/** From the opening quote to the index after the closing one. */
function scanString(text: string, at: number): number {
  if (text.charCodeAt(at) !== QUOTE) throw new JsonSyntaxError(text, at, "a string");
  for (let index = at + 1; ; index++) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) return index + 1;
    if (code === BACKSLASH) index = scanEscape(text, index + 1);
    // NaN, the end of the text, is not 32 or more either.
    else if (!(code >= 32)) throw new JsonSyntaxError(text, index, "a character of a string");
  }
}

/** Without a backslash or a control character a string simply ends at the next quote. */
export function isSimpleText(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte < 32 || byte === BACKSLASH) return false;
  }
  return true;
}

/** Like `scanString`, in a simple text. */
function skipString(text: string, at: number): number {
  const end = text.charCodeAt(at) === QUOTE ? text.indexOf('"', at + 1) : -1;
  // The slow way knows what to say of it.
  return end < 0 ? scanString(text, at) : end + 1;
}

function scanEscape(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (SIMPLE_ESCAPES.has(code)) return at;
  if (code !== 117) throw new JsonSyntaxError(text, at, "an escape");
  for (let index = at + 1; index <= at + 4; index++) {
    const digit = text.charCodeAt(index) | 32;
    const isHex = isDigit(text.charCodeAt(index)) || (digit >= 97 && digit <= 102);
    if (!isHex) throw new JsonSyntaxError(text, index, "four hexadecimal digits");
  }
  return at + 4;
}

function scanNumber(text: string, at: number): number {
  let index = text.charCodeAt(at) === MINUS ? at + 1 : at;
  index = text.charCodeAt(index) === ZERO ? index + 1 : scanDigits(text, index);
  if (text.charCodeAt(index) === DOT) index = scanDigits(text, index + 1);
  if ((text.charCodeAt(index) | 32) === 101) {
    const sign = text.charCodeAt(index + 1);
    index = scanDigits(text, sign === 43 || sign === MINUS ? index + 2 : index + 1);
  }
  return index;
}

function scanDigits(text: string, at: number): number {
  let index = at;
  while (isDigit(text.charCodeAt(index))) index++;
  if (index === at) throw new JsonSyntaxError(text, at, "a digit");
  return index;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

export type OnMember = (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void;

/** Walks the members of the object that starts here. */
export function eachMember(
  text: string,
  at: number,
  budget: number,
  onMember: OnMember | undefined,
  isSimple = false,
): number {
  assertDepth(budget);
  let index = skipSpace(text, at + 1);
  if (text.charCodeAt(index) === CLOSE_BRACE) return index + 1;
  for (;;) {
    const keyStart = index;
    const keyEnd = isSimple ? skipString(text, keyStart) : scanString(text, keyStart);
    index = skipSpace(text, keyEnd);
    if (text.charCodeAt(index) !== COLON) throw new JsonSyntaxError(text, index, '":"');
    const valueStart = skipSpace(text, index + 1);
    const valueEnd = scanValue(text, valueStart, budget - 1, isSimple);
    onMember?.(keyStart, keyEnd, valueStart, valueEnd);
    index = skipSpace(text, valueEnd);
    const code = text.charCodeAt(index);
    if (code === CLOSE_BRACE) return index + 1;
    if (code !== COMMA) throw new JsonSyntaxError(text, index, '"," or "}"');
    index = skipSpace(text, index + 1);
  }
}

/** Walks the elements of the array that starts here; `scan` returns the index after the element. */
export function eachElement(
  text: string,
  at: number,
  budget: number,
  scan: (start: number) => number,
): number {
  assertDepth(budget);
  let index = skipSpace(text, at + 1);
  if (text.charCodeAt(index) === CLOSE_BRACKET) return index + 1;
  for (;;) {
    index = skipSpace(text, scan(index));
    const code = text.charCodeAt(index);
    if (code === CLOSE_BRACKET) return index + 1;
    if (code !== COMMA) throw new JsonSyntaxError(text, index, '"," or "]"');
    index = skipSpace(text, index + 1);
  }
}

function assertDepth(budget: number): void {
  if (budget <= 0) throw new HoldfastError("payload_too_deep", "the JSON nests deeper than allowed");
}
