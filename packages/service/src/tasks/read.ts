import { createHash } from "node:crypto";
import { HoldfastError, isTaskType, LIMITS, type TaskOptions } from "@holdfast/contracts";
import type { NewTask } from "holdfast";
import { Compile } from "typebox/compile";
import { type FieldError, RequestError } from "../http/problem.ts";
import { issuesOf } from "../http/validation.ts";
import { decodeUtf8, duplicateKeyError, type JsonSlice, sliceJson, sliceJsonArray } from "../json/slice.ts";
import { type TaskFields, taskOptionsSchema } from "./schema.ts";

const fields = Compile(taskOptionsSchema);
const QUOTE = 34;

/** One item of a batch: a task, or why it is none. */
export type ReadTask = { ok: true; task: NewTask; bytes: number } | { ok: false; error: HoldfastError };

/**
 * The body of an enqueue. The payload stays the text that was sent.
 *
 * @param idempotencyKey the header, if it was sent; becomes the id
 * @throws HoldfastError invalid_json, invalid_argument, payload_too_large, payload_too_deep
 */
export function readTask(body: Buffer, idempotencyKey?: string): { task: NewTask; bytes: number } {
  return toTask(sliceJson(decodeUtf8(body)), idempotencyKey);
}

/** A JSON array of tasks. Only what concerns the whole is thrown. */
export function readTaskArray(body: Buffer): ReadTask[] {
  const slices = sliceJsonArray(decodeUtf8(body), LIMITS.batchTasks);
  if (slices === undefined) throw new RequestError("invalid_argument", "the body must be an array of tasks");
  return assertSize(slices.map((slice) => attempt(() => toTask(slice))));
}

/** One task per line; a line that is no JSON spoils only itself. Empty lines are skipped. */
export function readTaskLines(body: Buffer): ReadTask[] {
  const lines = decodeUtf8(body)
    .split("\n")
    .filter((line) => line.trim() !== "");
  return assertSize(lines).map((line) => attempt(() => toTask(sliceJson(line))));
}

/** Per queue, since ids are per queue. Hashed: a key may hold any character, an id may not. */
export function idFromKey(key: string): string {
  return `idem:${createHash("sha256").update(key).digest("base64url")}`;
}

function assertSize<T>(items: T[]): T[] {
  if (items.length === 0) throw new RequestError("invalid_argument", "the batch is empty");
  if (items.length > LIMITS.batchTasks) {
    throw new RequestError(
      "invalid_argument",
      `a batch takes at most ${LIMITS.batchTasks} tasks, got ${items.length}: send several`,
    );
  }
  return items;
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
  const plain = idempotencyKey === undefined ? plainTask(slice.members) : undefined;
  if (plain !== undefined) return plain;
  const record: Record<string, unknown> = {};
  let payloadText: string | undefined;
  for (const [key, text] of slice.members) {
    if (key === "payload") payloadText = text;
    // defineProperty, so that "__proto__" is an unknown field like any other.
    else Object.defineProperty(record, key, { value: JSON.parse(text), enumerable: true });
  }
  const errors = fieldErrors(record, payloadText);
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
    options.id = idFromKey(idempotencyKey);
  }
  const bytes = payloadSize(payloadText as string);
  const task: NewTask = { type, payloadText: payloadText as string };
  // A task without options takes a shorter way through the library.
  if (Object.keys(options).length > 0) task.options = options as TaskOptions;
  // Of the bytes of this task alone: the same task is the same in a batch and by itself. Only an id asks for it.
  if (options.id !== undefined) {
    task.fingerprint = createHash("sha256").update(slice.text).digest("base64url");
  }
  return { task, bytes };
}

/** Type and payload and nothing else, as most tasks are: the same checks without a schema. */
function plainTask(members: Map<string, string>): { task: NewTask; bytes: number } | undefined {
  const payloadText = members.get("payload");
  const typeText = members.get("type");
  if (members.size !== 2 || payloadText === undefined || typeText === undefined) return undefined;
  // No type has a character that JSON would write as an escape.
  const type = typeText.slice(1, -1);
  if (typeText.charCodeAt(0) !== QUOTE || !isTaskType(type)) return undefined;
  return { task: { type, payloadText }, bytes: payloadSize(payloadText) };
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

function fieldErrors(record: Record<string, unknown>, payloadText: string | undefined): FieldError[] {
  const errors = issuesOf(fields, record).map(({ instancePath, message }) => ({
    path: instancePath,
    message,
    in: "body",
  }));
  if (payloadText === undefined) {
    errors.push({ path: "", message: 'lacks required fields: "payload" (null is a payload)', in: "body" });
  }
  if (record.delayMs !== undefined && record.runAt !== undefined) {
    errors.push({ path: "/runAt", message: "excludes delayMs: give one of them", in: "body" });
  }
  return errors;
}
