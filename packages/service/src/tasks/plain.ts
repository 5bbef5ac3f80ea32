import { isUtf8 } from "node:buffer";
import { isTaskType, LIMITS } from "@holdfast/contracts";
import type { PlainTasks } from "holdfast";
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "../json/scan.ts";
import { endOfString, isWord, type JsonBytes, scanBytes, skipSpaceBytes } from "../json/scan-bytes.ts";

/** How an item begins, up to its payload. */
interface Head {
  type: string;
  at: number;
  end: number;
}

/**
 * A batch whose items all have a type, then a payload, and nothing else, as most have: read in one pass over the bytes.
 * Undefined for every other body, the malformed ones among them: `readTaskArray` then reads it, or says what is wrong.
 */
export function readPlainTasks(body: Buffer): PlainTasks | undefined {
  if (!isUtf8(body)) return undefined;
  const text = { bytes: body, view: new DataView(body.buffer, body.byteOffset, body.length) };
  const types: string[] = [];
  const spans: number[] = [];
  let head: Head | undefined;
  let at = skipSpaceBytes(body, 0);
  if (body[at] !== OPEN_BRACKET) return undefined;
  do {
    at = skipSpaceBytes(body, at + 1);
    if (head === undefined || !beginsAlike(text, head, at)) head = readHead(text, at);
    if (head === undefined) return undefined;
    const start = skipSpaceBytes(body, at + head.end - head.at);
    const end = scanBytes(text, start, LIMITS.jsonDepth);
    if (end < 0 || end - start > LIMITS.payloadBytes) return undefined;
    at = skipSpaceBytes(body, end);
    if (body[at] !== CLOSE_BRACE) return undefined;
    types.push(head.type);
    spans.push(start, end);
    at = skipSpaceBytes(body, at + 1);
  } while (body[at] === COMMA && types.length < LIMITS.batchTasks);
  if (body[at] !== CLOSE_BRACKET || skipSpaceBytes(body, at + 1) !== body.length) return undefined;
  return { bytes: body, types, spans };
}

/** Most items of a batch begin like the one before. */
function beginsAlike({ bytes, view }: JsonBytes, { at, end }: Head, here: number): boolean {
  const shift = here - at;
  if (end + shift > bytes.length) return false;
  let other = at;
  for (; other + 4 <= end; other += 4) {
    if (view.getInt32(other, true) !== view.getInt32(other + shift, true)) return false;
  }
  for (; other < end; other++) if (bytes[other] !== bytes[other + shift]) return false;
  return true;
}

function readHead(text: JsonBytes, at: number): Head | undefined {
  const body = text.bytes;
  if (body[at] !== OPEN_BRACE) return undefined;
  let index = skipSpaceBytes(body, at + 1);
  if (!isWord(body, index, '"type"')) return undefined;
  index = skipSpaceBytes(body, index + 6);
  if (body[index] !== COLON) return undefined;
  const start = skipSpaceBytes(body, index + 1);
  const end = body[start] === QUOTE ? endOfString(text, start) : -1;
  if (end < 0) return undefined;
  // No type has a character that JSON would write as an escape.
  const type = body.toString("latin1", start + 1, end - 1);
  if (!isTaskType(type)) return undefined;
  index = skipSpaceBytes(body, end);
  if (body[index] !== COMMA) return undefined;
  index = skipSpaceBytes(body, index + 1);
  if (!isWord(body, index, '"payload"')) return undefined;
  index = skipSpaceBytes(body, index + 9);
  return body[index] === COLON ? { type, at, end: index + 1 } : undefined;
}
