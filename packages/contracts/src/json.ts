import { isAscii } from "node:buffer";
import { HoldfastError } from "./errors.ts";
import {
  assertEnd,
  eachMember,
  JsonSyntaxError,
  JsonText,
  OPEN_BRACE,
  receivedText,
  scanValue,
  skipSpace,
} from "./json-scan.ts";
import { LIMITS } from "./limits.ts";

export * from "./json-scan.ts";

/** Where a value begins and ends in the bytes. */
export interface Span {
  start: number;
  end: number;
}

/** The members of a JSON object. Names are unescaped; values are the exact text that was written. */
export class CutObject {
  readonly members = new Map<string, Span>();
  /** A name that occurs twice; undefined if there is none. Such an object is ambiguous. */
  readonly duplicate: string | undefined;
  /** The exact bytes of the object. */
  readonly bytes: Buffer;
  /** The index after the object. */
  readonly end: number;
  readonly #at: number;
  /** The object as text, if it is ASCII; undefined otherwise. */
  readonly #ascii: string | undefined;

  /**
   * Reads the object that begins here.
   * @param memberDepth how many levels each member may have
   * @throws JsonSyntaxError, or HoldfastError payload_too_deep
   */
  constructor(text: JsonText, at: number, memberDepth: number) {
    const places: number[] = [];
    this.end = eachMember(text, at, memberDepth + 1, (keyStart, keyEnd, valueStart, valueEnd) => {
      places.push(keyStart, keyEnd, valueStart, valueEnd);
    });
    this.#at = at;
    this.bytes = text.bytes.subarray(at, this.end);
    // Decoding the whole object once is faster than decoding each member.
    this.#ascii = isAscii(this.bytes) ? this.bytes.toString("latin1") : undefined;
    for (let i = 0; i < places.length; i += 4) {
      const raw = this.textOf({ start: places[i] as number, end: places[i + 1] as number });
      // Names are unescaped before they are compared: `"\u0074ype"` is "type".
      const name = raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1);
      if (this.members.has(name)) this.duplicate ??= name;
      this.members.set(name, { start: places[i + 2] as number, end: places[i + 3] as number });
    }
  }

  /** Returns the exact text of a value. */
  textOf({ start, end }: Span): string {
    const at = this.#at;
    return this.#ascii?.slice(start - at, end - at) ?? this.bytes.toString("utf8", start - at, end - at);
  }
}

export function duplicateName(name: string): HoldfastError {
  return new HoldfastError("invalid_json", `the field "${name.slice(0, 64)}" occurs twice`);
}

/**
 * Parses the body of a request. Checks the depth first, and refuses a name that occurs twice at the top level.
 * @throws HoldfastError invalid_json, payload_too_deep
 */
export function parseJson(bytes: Buffer): unknown {
  const text = receivedText(bytes);
  const start = skipSpace(text.bytes, 0);
  if (text.bytes[start] === OPEN_BRACE) {
    const { duplicate, end } = new CutObject(text, start, LIMITS.jsonDepth);
    assertEnd(text, end);
    if (duplicate !== undefined) throw duplicateName(duplicate);
  } else assertEnd(text, scanValue(text, start, LIMITS.jsonDepth));
  return JSON.parse(text.bytes.toString()) as unknown;
}

/**
 * Refuses a payload that is not a JSON value, or has more levels than `LIMITS.jsonDepth`.
 * @param name how the message calls the payload
 * @throws HoldfastError invalid_json, payload_too_deep
 */
export function checkJson(payloadText: string, name: string): void {
  const text = new JsonText(Buffer.from(payloadText));
  try {
    assertEnd(text, scanValue(text, skipSpace(text.bytes, 0), LIMITS.jsonDepth));
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new JsonSyntaxError(`${name} is ${error.message}`);
    throw new HoldfastError("payload_too_deep", `${name} nests deeper than ${LIMITS.jsonDepth} levels`);
  }
}
