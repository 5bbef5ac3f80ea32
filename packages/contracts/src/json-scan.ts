import { isUtf8 } from "node:buffer";
import { HoldfastError } from "./errors.ts";

/** JSON text as UTF-8 bytes. */
export class JsonText {
  readonly bytes: Buffer;
  /** Reads four bytes at a time. Only for long texts, because creating it takes longer than it saves for short ones. */
  readonly view: DataView | undefined;

  constructor(bytes: Buffer, isLong = false) {
    this.bytes = bytes;
    this.view = isLong ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length) : undefined;
  }
}

/** Thrown for text that is not valid JSON. */
export class JsonSyntaxError extends HoldfastError {
  constructor(message: string) {
    super("invalid_json", message);
    this.name = "JsonSyntaxError";
  }
}

/** Makes the error for an unexpected character. Its position counts UTF-16 units from 0, as `JSON.parse` does. */
function unexpected({ bytes }: JsonText, at: number, expected: string): JsonSyntaxError {
  const position = bytes.toString("utf8", 0, at).length;
  const found = at < bytes.length ? JSON.stringify(bytes.toString()[position]) : "the end";
  return new JsonSyntaxError(
    `not valid JSON: expected ${expected} but found ${found} at position ${position}`,
  );
}

export const QUOTE = 34;
export const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
export const COLON = 58;
export const OPEN_BRACKET = 91;
const BACKSLASH = 92;
export const CLOSE_BRACKET = 93;
const LOWER_U = 117;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;

// What each ASCII character may be in JSON, as bits, so that one look-up replaces several comparisons. ESCAPED: the
// character may follow a backslash.
const DIGIT = 1;
const HEX = 2;
const ESCAPED = 4;
const SPACE = 8;
const KINDS = new Uint8Array(256);
for (const [kind, characters] of [
  [DIGIT | HEX, "0123456789"],
  [HEX, "abcdefABCDEF"],
  [ESCAPED, '"\\/bfnrt'],
  [SPACE, " \n\r\t"],
] as const) {
  for (const character of characters) {
    const code = character.charCodeAt(0);
    KINDS[code] = (KINDS[code] as number) | kind;
  }
}

const isKind = (byte: number | undefined, kind: number): boolean =>
  byte !== undefined && ((KINDS[byte] as number) & kind) !== 0;

export function skipSpace(bytes: Uint8Array, at: number): number {
  while (isKind(bytes[at], SPACE)) at++;
  return at;
}

/** Returns whether this ASCII word is at this index. */
export function isWord(bytes: Uint8Array, at: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word.charCodeAt(i)) return false;
  return true;
}

/**
 * Checks a JSON value in one pass, without building it. It accepts exactly what `JSON.parse` accepts, which a test
 * compares. The caller has checked that the bytes are UTF-8.
 * @param budget how many levels of arrays and objects are allowed from here
 * @returns the index after the value
 * @throws JsonSyntaxError, or HoldfastError payload_too_deep
 */
export function scanValue(text: JsonText, at: number, budget: number): number {
  const { bytes } = text;
  const first = bytes[at];
  if (first === QUOTE) return scanString(text, at);
  if (first === OPEN_BRACE) return eachMember(text, at, budget);
  if (first === OPEN_BRACKET) return eachElement(text, at, budget);
  if (first === MINUS || isKind(first, DIGIT)) return scanNumber(text, at);
  if (isWord(bytes, at, "true") || isWord(bytes, at, "null")) return at + 4;
  if (isWord(bytes, at, "false")) return at + 5;
  throw unexpected(text, at, "a value");
}

// For strings up to this length, a loop is faster than the native search for the closing quote.
const SHORT_BYTES = 8;

/** Checks a string. @returns the index after its closing quote */
export function scanString(text: JsonText, at: number): number {
  const { bytes } = text;
  if (bytes[at] !== QUOTE) throw unexpected(text, at, "a string");
  const { length } = bytes;
  const short = at + SHORT_BYTES;
  let index = at + 1;
  for (; index < length; index++) {
    if (index === short) {
      const end = bytes.indexOf(QUOTE, index);
      if (end >= 0 && isPlain(text, index, end)) return end + 1;
    }
    const byte = bytes[index] as number;
    if (byte === QUOTE) return index + 1;
    if (byte < 32) break;
    if (byte === BACKSLASH) index = scanEscape(text, index + 1);
  }
  throw unexpected(text, index, "a character of a string");
}

/** Whether the bytes have no backslash and no control character. The bit operations look for both in four bytes. */
function isPlain({ bytes, view }: JsonText, start: number, end: number): boolean {
  let at = start;
  for (; view !== undefined && at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true);
    const other = word ^ 0x5c5c5c5c;
    if ((((word - 0x20202020) & ~word) | ((other - 0x01010101) & ~other)) & 0x80808080) return false;
  }
  for (; at < end; at++) if ((bytes[at] as number) < 32 || bytes[at] === BACKSLASH) return false;
  return true;
}

/** Checks an escape. @returns the index of its last character */
function scanEscape(text: JsonText, at: number): number {
  const { bytes } = text;
  if (isKind(bytes[at], ESCAPED)) return at;
  if (bytes[at] !== LOWER_U) throw unexpected(text, at, "an escape");
  for (let index = at + 1; index <= at + 4; index++)
    if (!isKind(bytes[index], HEX)) throw unexpected(text, index, "four hexadecimal digits");
  return at + 4;
}

function scanNumber(text: JsonText, at: number): number {
  const { bytes } = text;
  let index = bytes[at] === MINUS ? at + 1 : at;
  index = bytes[index] === ZERO ? index + 1 : scanDigits(text, index);
  if (bytes[index] === DOT) index = scanDigits(text, index + 1);
  if (((bytes[index] as number) | 32) === 101) {
    const sign = bytes[index + 1];
    index = scanDigits(text, sign === 43 || sign === MINUS ? index + 2 : index + 1);
  }
  return index;
}

function scanDigits(text: JsonText, at: number): number {
  let index = at;
  while (isKind(text.bytes[index], DIGIT)) index++;
  if (index === at) throw unexpected(text, at, "a digit");
  return index;
}

export type OnMember = (keyStart: number, keyEnd: number, valueStart: number, valueEnd: number) => void;

/** Calls `onMember` for each member of the object that begins here. @returns the index after the object */
export function eachMember(text: JsonText, at: number, budget: number, onMember?: OnMember): number {
  if (budget <= 0) throw tooDeep();
  const { bytes } = text;
  let index = skipSpace(bytes, at + 1);
  if (bytes[index] === CLOSE_BRACE) return index + 1;
  for (;;) {
    const keyStart = index;
    const keyEnd = scanString(text, keyStart);
    index = skipSpace(bytes, keyEnd);
    if (bytes[index] !== COLON) throw unexpected(text, index, '":"');
    const valueStart = skipSpace(bytes, index + 1);
    const valueEnd = scanValue(text, valueStart, budget - 1);
    onMember?.(keyStart, keyEnd, valueStart, valueEnd);
    index = skipSpace(bytes, valueEnd);
    const byte = bytes[index];
    if (byte === CLOSE_BRACE) return index + 1;
    if (byte !== COMMA) throw unexpected(text, index, '"," or "}"');
    index = skipSpace(bytes, index + 1);
  }
}

/**
 * Checks each element of the array that begins here.
 * @param scan returns the index after the element. @default `scanValue`
 * @returns the index after the array
 */
export function eachElement(
  text: JsonText,
  at: number,
  budget: number,
  scan?: (start: number) => number,
): number {
  if (budget <= 0) throw tooDeep();
  const { bytes } = text;
  let index = skipSpace(bytes, at + 1);
  if (bytes[index] === CLOSE_BRACKET) return index + 1;
  for (;;) {
    index = scan === undefined ? scanValue(text, index, budget - 1) : scan(index);
    index = skipSpace(bytes, index);
    const byte = bytes[index];
    if (byte === CLOSE_BRACKET) return index + 1;
    if (byte !== COMMA) throw unexpected(text, index, '"," or "]"');
    index = skipSpace(bytes, index + 1);
  }
}

/** Checks that only white space follows. @throws JsonSyntaxError */
export function assertEnd(text: JsonText, at: number): void {
  const end = skipSpace(text.bytes, at);
  if (end < text.bytes.length) throw unexpected(text, end, "the end");
}

function tooDeep(): HoldfastError {
  return new HoldfastError("payload_too_deep", "the JSON nests deeper than allowed");
}

/**
 * Makes a JSON text of received bytes, without the byte order mark that some tools write.
 * @throws HoldfastError invalid_json if the bytes are not UTF-8, because decoding would change them
 */
export function receivedText(bytes: Buffer, isLong = false): JsonText {
  if (!isUtf8(bytes)) throw new HoldfastError("invalid_json", "the text is not valid UTF-8");
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return new JsonText(hasMark ? bytes.subarray(3) : bytes, isLong);
}
