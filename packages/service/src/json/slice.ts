import { isUtf8 } from "node:buffer";
import { HoldfastError, LIMITS } from "@holdfast/contracts";
import {
  eachElement,
  eachMember,
  JsonSyntaxError,
  OPEN_BRACE,
  OPEN_BRACKET,
  scanValue,
  skipSpace,
} from "./scan.ts";

/** A value of a batch: its exact text and, if it is an object, the exact text of each member. */
export interface JsonSlice {
  text: string;
  /** Undefined where the value is no object. */
  members: Map<string, string> | undefined;
  /** A key that occurs twice: which value counts is anybody's guess, so the object is refused. */
  duplicateKey: string | undefined;
}

/**
 * Without a byte order mark, which some editors and tools put in front of UTF-8.
 * @throws HoldfastError invalid_json where the bytes are not UTF-8: decoded loosely they would be altered.
 */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new HoldfastError("invalid_json", "the body is not valid UTF-8");
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.toString("utf8", hasMark ? 3 : 0);
}

/**
 * Reads one JSON value and cuts it into members, as text: a parsed and re-serialised payload would not be the
 * payload that was sent (`12345678901234567890` becomes `12345678901234567000`).
 *
 * @param memberDepth how deep each member may nest. @default 64
 * @throws HoldfastError invalid_json, payload_too_deep
 */
export function sliceJson(text: string, memberDepth: number = LIMITS.jsonDepth): JsonSlice {
  const { slice, end } = sliceAt(text, skipSpace(text, 0), memberDepth);
  assertEnd(text, end);
  return slice;
}

/**
 * Like `sliceJson`, for each element of an array.
 *
 * @param limit more elements are an error, noticed before the rest is read
 * @returns undefined where the text is no array
 */
export function sliceJsonArray(
  text: string,
  limit: number,
  memberDepth: number = LIMITS.jsonDepth,
): JsonSlice[] | undefined {
  const slices: JsonSlice[] = [];
  const isArray = eachOfArray(text, limit, memberDepth, (at) => {
    const element = sliceAt(text, at, memberDepth);
    slices.push(element.slice);
    return element.end;
  });
  return isArray ? slices : undefined;
}

/**
 * Calls `read` with the place of each element; it returns the index after it.
 *
 * @returns false where the text is valid JSON, but no array
 * @throws HoldfastError invalid_json, payload_too_deep; invalid_argument beyond the limit
 */
export function eachOfArray(
  text: string,
  limit: number,
  memberDepth: number,
  read: (at: number) => number,
): boolean {
  const start = skipSpace(text, 0);
  if (text.charCodeAt(start) !== OPEN_BRACKET) {
    assertEnd(text, scanValue(text, start, memberDepth + 2));
    return false;
  }
  let count = 0;
  const end = eachElement(text, start, memberDepth + 2, (at) => {
    if (++count > limit) {
      throw new HoldfastError("invalid_argument", `the array has more than ${limit} elements`);
    }
    return read(at);
  });
  assertEnd(text, end);
  return true;
}

/**
 * JSON.parse for a whole body: the depth is checked first and duplicate keys at the top are refused.
 *
 * @throws HoldfastError invalid_json, payload_too_deep
 */
export function parseJson(text: string, depth: number = LIMITS.jsonDepth): unknown {
  const { duplicateKey } = sliceJson(text, depth);
  if (duplicateKey !== undefined) throw duplicateKeyError(duplicateKey);
  return JSON.parse(text) as unknown;
}

export function duplicateKeyError(key: string): HoldfastError {
  return new HoldfastError("invalid_json", `the field "${key.slice(0, 64)}" occurs twice`);
}

/** One element, cut into members. */
export function sliceAt(text: string, at: number, memberDepth: number): { slice: JsonSlice; end: number } {
  if (text.charCodeAt(at) !== OPEN_BRACE) {
    const end = scanValue(text, at, memberDepth);
    return { slice: { text: text.slice(at, end), members: undefined, duplicateKey: undefined }, end };
  }
  const members = new Map<string, string>();
  let duplicateKey: string | undefined;
  const end = eachMember(text, at, memberDepth + 1, (keyStart, keyEnd, valueStart, valueEnd) => {
    const raw = text.slice(keyStart + 1, keyEnd - 1);
    // `"\u0074ype"` is "type" too: keys are compared as they read, not as they were written.
    const key = raw.includes("\\") ? (JSON.parse(text.slice(keyStart, keyEnd)) as string) : raw;
    if (members.has(key)) duplicateKey ??= key;
    members.set(key, text.slice(valueStart, valueEnd));
  });
  return { slice: { text: text.slice(at, end), members, duplicateKey }, end };
}

/** @throws JsonSyntaxError where more than space follows */
export function assertEnd(text: string, at: number): void {
  const end = skipSpace(text, at);
  if (end < text.length) throw new JsonSyntaxError(text, end, "the end");
}
