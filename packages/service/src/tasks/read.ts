import { hash } from "node:crypto";
import { HoldfastError, isTaskType, LIMITS } from "@holdfast/contracts";
import type { NewTask } from "holdfast";
import { Compile } from "typebox/compile";
import { type FieldError, RequestError } from "../http/problem.ts";
import { issuesOf } from "../http/validation.ts";
import {
  CLOSE_BRACE,
  COLON,
  COMMA,
  isSimpleText,
  OPEN_BRACE,
  QUOTE,
  scanValue,
  skipSpace,
} from "../json/scan.ts";
import {
  assertEnd,
  decodeUtf8,
  duplicateKeyError,
  eachOfArray,
  type JsonSlice,
  sliceAt,
  sliceJson,
} from "../json/slice.ts";
import { type TaskFields, taskOptionsSchema } from "./schema.ts";

const fields = Compile(taskOptionsSchema);

/** Bytes of one task with all of its fields: beside the payload options, tags, and room for escapes. */
export const LINE_LIMIT_BYTES = LIMITS.payloadBytes * 2;

/** One item of a batch: a task, or why it is none. */
export type ReadTask = { ok: true; task: NewTask; bytes: number } | { ok: false; error: HoldfastError };

/**
 * The body of an enqueue. The payload stays the text that was sent.
 *
 * @param idempotencyKey the header, if it was sent; becomes the id
 * @throws HoldfastError invalid_json, invalid_argument, payload_too_large, payload_too_deep
 */
export function readTask(body: Buffer, idempotencyKey?: string): { task: NewTask; bytes: number } {
  const text = decodeUtf8(body);
  if (idempotencyKey === undefined) {
    const cut = cutPlain(text, skipSpace(text, 0), isSimpleText(body));
    if (cut !== undefined) {
      assertEnd(text, cut.end);
      return { task: { type: cut.type, payloadText: cut.payloadText }, bytes: payloadSize(cut.payloadText) };
    }
  }
  return toTask(sliceJson(text), idempotencyKey);
}

/** A JSON array of tasks. Only what concerns the whole is thrown. */
export function readTaskArray(body: Buffer): ReadTask[] {
  const text = decodeUtf8(body);
  const isSimple = isSimpleText(body);
  const isAscii = text.length === body.length;
  const items: ReadTask[] = [];
  // How the item before began, up to its payload: most items of a batch begin alike.
  let head = "";
  let type = "";
  const isArray = eachOfArray(text, LIMITS.batchTasks, LIMITS.jsonDepth, (at) => {
    if (head !== "" && text.startsWith(head, at)) {
      const start = skipSpace(text, at + head.length);
      const end = scanValue(text, start, LIMITS.jsonDepth, isSimple);
      if (text.charCodeAt(end) === CLOSE_BRACE) {
        items.push(plainItem(type, text.slice(start, end), isAscii));
        return end + 1;
      }
    }
    const cut = cutPlain(text, at, isSimple);
    if (cut !== undefined) {
      items.push(plainItem(cut.type, cut.payloadText, isAscii));
      head = cut.isPayloadLast ? text.slice(at, cut.payloadAt) : "";
      type = cut.type;
      return cut.end;
    }
    const { slice, end } = sliceAt(text, at, LIMITS.jsonDepth);
    items.push(attempt(() => toTask(slice)));
    return end;
  });
  if (!isArray) throw new RequestError("invalid_argument", "the body must be an array of tasks");
  if (items.length === 0) throw emptyBatch();
  return items;
}

/** One task per line; a line that is not JSON spoils only itself. Empty lines are skipped. */
export function readTaskLines(body: Buffer): ReadTask[] {
  const items: ReadTask[] = [];
  for (let start = 0; start < body.length; ) {
    const newline = body.indexOf(10, start);
    const end = newline < 0 ? body.length : newline;
    const line = body.subarray(start, end);
    if (line.length > LINE_LIMIT_BYTES) items.push({ ok: false, error: tooLong() });
    else if (!isBlank(line)) items.push(attempt(() => readTask(line)));
    start = end + 1;
  }
  return items;
}

export function emptyBatch(): RequestError {
  return new RequestError("invalid_argument", "the batch is empty");
}

export function tooLong(): RequestError {
  return new RequestError("payload_too_large", `a line has more than ${LINE_LIMIT_BYTES} bytes`);
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 32 || byte === 9 || byte === 13);
}

/** Per queue, since ids are per queue. Hashed: a key may hold any character, an id may not. */
export function idFromKey(key: string): string {
  return `idem:${hash("sha256", key, "base64url")}`;
}

function attempt(read: () => { task: NewTask; bytes: number }): ReadTask {
  try {
    return { ok: true, ...read() };
  } catch (error) {
    if (error instanceof HoldfastError) return { ok: false, error };
    throw error;
  }
}

function toTask(slice: JsonSlice, idempotencyKey?: string): { task: NewTask; bytes: number } {
  if (slice.members === undefined) throw new RequestError("invalid_argument", "a task must be a JSON object");
  if (slice.duplicateKey !== undefined) throw duplicateKeyError(slice.duplicateKey);
  const record: Record<string, unknown> = {};
  let payloadText: string | undefined;
  for (const [key, text] of slice.members) {
    if (key === "payload") payloadText = text;
    // Assigned, it would set the prototype and pass unseen: it is an unknown field like any other.
    else if (key === "__proto__")
      Object.defineProperty(record, key, { value: JSON.parse(text), enumerable: true });
    else record[key] = JSON.parse(text);
  }
  const errors = fieldErrors(record, payloadText, idempotencyKey !== undefined);
  const first = errors[0];
  if (first) throw new RequestError("invalid_argument", `body${first.path} ${first.message}`, errors);

  const { type, ...options } = record as unknown as TaskFields;
  if (idempotencyKey !== undefined) {
    if (options.id !== undefined) {
      throw new RequestError(
        "invalid_request",
        "the field id and the header Idempotency-Key exclude each other",
      );
    }
    if (options.ifEnded === "again") {
      throw new RequestError(
        "invalid_request",
        "a request with an Idempotency-Key is carried out once: give the task an id instead, with ifEnded again",
      );
    }
    options.id = idFromKey(idempotencyKey);
    options.ifEnded = "duplicate";
  }
  const bytes = payloadSize(payloadText as string);
  const task: NewTask = { type, payloadText: payloadText as string, ...options };
  // Of the bytes of this task alone: the same task is the same in a batch and by itself. Only an id asks for it. Moments
  // that were computed from the clock differ from request to request: then the library compares what was read.
  if (options.id !== undefined && options.runAt === undefined && options.expiresAt === undefined) {
    task.fingerprint = hash("sha256", slice.text, "base64url");
  }
  return { task, bytes };
}

interface PlainCut {
  type: string;
  payloadText: string;
  payloadAt: number;
  /** Nothing but the brace follows it. */
  isPayloadLast: boolean;
  end: number;
}

/**
 * A task of type and payload and nothing else, as most are: cut out without a map of its members or a schema.
 * Undefined for every other text, which is then read the long way.
 */
function cutPlain(text: string, at: number, isSimple: boolean): PlainCut | undefined {
  if (text.charCodeAt(at) !== OPEN_BRACE) return undefined;
  let type: string | undefined;
  let payloadText: string | undefined;
  let payloadAt = 0;
  let index = skipSpace(text, at + 1);
  for (;;) {
    const isType = type === undefined && text.startsWith('"type"', index);
    if (!isType && (payloadText !== undefined || !text.startsWith('"payload"', index))) return undefined;
    index = skipSpace(text, index + (isType ? 6 : 9));
    if (text.charCodeAt(index) !== COLON) return undefined;
    const start = skipSpace(text, index + 1);
    if (isType) {
      // No type has a character that JSON would write as an escape.
      const end = text.charCodeAt(start) === QUOTE ? text.indexOf('"', start + 1) : -1;
      type = end < 0 ? "" : text.slice(start + 1, end);
      if (!isTaskType(type)) return undefined;
      index = skipSpace(text, end + 1);
    } else {
      const end = scanValue(text, start, LIMITS.jsonDepth, isSimple);
      payloadText = text.slice(start, end);
      payloadAt = start;
      index = skipSpace(text, end);
    }
    const code = text.charCodeAt(index);
    if (code === CLOSE_BRACE && type !== undefined && payloadText !== undefined) {
      return { type, payloadText, payloadAt, isPayloadLast: !isType, end: index + 1 };
    }
    if (code !== COMMA) return undefined;
    index = skipSpace(text, index + 1);
  }
}

function plainItem(type: string, payloadText: string, isAscii: boolean): ReadTask {
  const task: NewTask = { type, payloadText };
  if (isAscii && payloadText.length <= LIMITS.payloadBytes)
    return { ok: true, task, bytes: payloadText.length };
  return attempt(() => ({ task, bytes: payloadSize(payloadText) }));
}

function payloadSize(payloadText: string): number {
  const bytes = Buffer.byteLength(payloadText);
  if (bytes > LIMITS.payloadBytes) {
    throw new RequestError(
      "payload_too_large",
      `the payload has ${bytes} bytes, at most ${LIMITS.payloadBytes} are stored: keep large data elsewhere and send a reference`,
      [{ path: "/payload", message: "is too large", in: "body" }],
    );
  }
  return bytes;
}

function fieldErrors(
  record: Record<string, unknown>,
  payloadText: string | undefined,
  hasKey: boolean,
): FieldError[] {
  const errors = issuesOf(fields, record).map(({ instancePath, message }) => ({
    path: instancePath,
    message,
    in: "body",
  }));
  if (payloadText === undefined) {
    errors.push({ path: "", message: 'lacks required fields: "payload" (null is a payload)', in: "body" });
  }
  if (record.ifEnded !== undefined && record.id === undefined && !hasKey) {
    errors.push({
      path: "/ifEnded",
      message: "is about a task that was enqueued with the same id: give an id too",
      in: "body",
    });
  }
  if (record.partitionKey !== undefined && (record.id !== undefined || hasKey)) {
    errors.push({
      path: "/partitionKey",
      message: "excludes an id and an Idempotency-Key: the id alone says which partition the task is in",
      in: "body",
    });
  }
  if (record.delayMs !== undefined && record.runAt !== undefined) {
    errors.push({ path: "/runAt", message: "excludes delayMs: give one of them", in: "body" });
  }
  return errors;
}
