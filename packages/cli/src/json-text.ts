import { isUtf8 } from "node:buffer";
import { checkJsonDepth } from "@holdfast/contracts";
import { UsageError } from "./exit.ts";

const BYTE_ORDER_MARK = "\ufeff";

/**
 * The text of a file or of standard input, without a byte order mark at its beginning.
 * @throws UsageError if it is not UTF-8: a lenient decoder would alter it
 */
export function textOf(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) throw new UsageError(`${what} is not UTF-8`);
  const text = bytes.toString("utf8");
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

const SPACE = /\s/;

/** @throws UsageError */
function checkJson(text: string, what: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${what} is not valid JSON: ${(error as Error).message}`);
  }
}

/** Refuses the payloads that the HTTP API refuses. @throws UsageError, HoldfastError payload_too_deep */
export function checkPayload(text: string): void {
  checkJson(text, "the payload");
  checkJsonDepth(text, "the payload");
}

/**
 * The members of a JSON object, each as its exact text. Parsed and written again, 12345678901234567890 would be another
 * number. Null if the text is another kind of value.
 * @throws UsageError if it is not JSON, or has a member twice
 */
export function membersOf(text: string): Map<string, string> | null {
  checkJson(text, "it");
  let at = skipSpace(text, 0);
  if (text[at] !== "{") return null;
  const members = new Map<string, string>();
  at = skipSpace(text, at + 1);
  while (text[at] !== "}") {
    const keyEnd = endOfString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = endOfValue(text, start);
    if (members.has(key)) throw new UsageError(`"${key}" occurs twice`);
    members.set(key, text.slice(start, end));
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (SPACE.test(text[at] ?? "")) at++;
  return at;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** The text is known to be JSON, so brackets match. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const character = text[at] as string;
    if (character === '"') at = endOfString(text, at);
    else if (character === "{" || character === "[") {
      depth++;
      at++;
    } else if (character === "}" || character === "]") {
      depth--;
      at++;
    } else if (depth === 0) {
      while (at < text.length && !/[\s,\]}]/.test(text[at] as string)) at++;
    } else at++;
  } while (depth > 0);
  return at;
}
