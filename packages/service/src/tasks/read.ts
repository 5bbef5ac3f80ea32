import { hash } from "node:crypto";
import { type FingerprintedOptions, LIMITS } from "@holdfast/contracts";
import { skipSpace } from "@holdfast/contracts/json";
import { type CutTask, TaskReader } from "@holdfast/contracts/task-json";
import { Compile, type Validator } from "typebox/compile";
import { type FieldError, RequestError } from "../http/problem.ts";
import { issuesOf } from "../http/validation.ts";
import { type TaskFields, taskOptionsSchema } from "./schema.ts";

const fields = Compile(taskOptionsSchema);

/** The most bytes of one task with all its fields: payload, options and tags, with some space for escapes. */
export const LINE_LIMIT_BYTES = LIMITS.payloadBytes * 2;

/** Reads the tasks of a body. */
export const taskReader = new TaskReader((task) => checkTask(task, false), LINE_LIMIT_BYTES);
/** Reads the task of a body that came with an `Idempotency-Key`. */
export const keyedTaskReader = new TaskReader((task) => checkTask(task, true), LINE_LIMIT_BYTES);

/** Returns the options of a task that came with an `Idempotency-Key`. */
export function keyedOptions(
  key: string,
  given: FingerprintedOptions | undefined,
  body: Buffer,
): FingerprintedOptions {
  // A literal that begins with a spread would get a new hidden class in V8 each time, and the code that reads it
  // would become slow.
  const options = Object.assign({}, given, { id: idFromKey(key), ifEnded: "duplicate" as const });
  const text = body.subarray(skipSpace(body, 0), body.lastIndexOf("}") + 1);
  return withFingerprint(options, text);
}

/** Returns the id for an idempotency key. The key is hashed, because it may have characters that an id may not have. */
export function idFromKey(key: string): string {
  return `idem:${hash("sha256", key, "base64url")}`;
}

/**
 * Adds a hash of the text of the task. The hash is the same for a single task and for one in a batch. A client may
 * compute `runAt` and `expiresAt` from its clock, so a repeated request can have other values. For such tasks there is
 * no hash, and the library compares the fields instead.
 */
function withFingerprint(options: FingerprintedOptions, text: Buffer): FingerprintedOptions {
  if (options.runAt === undefined && options.expiresAt === undefined)
    options.fingerprint = hash("sha256", text, "base64url");
  return options;
}

function checkTask(
  task: CutTask,
  hasKey: boolean,
): { type: string; options: FingerprintedOptions | undefined } {
  refuse(fieldErrors(task, hasKey));
  const { type, ...options } = task.fields as TaskFields;
  if (hasKey) {
    if (options.id !== undefined)
      throw new RequestError(
        "invalid_request",
        "the field id and the header Idempotency-Key cannot be combined: send one of them",
      );
    if (options.ifEnded === "again")
      throw new RequestError(
        "invalid_request",
        'ifEnded "again" does not work with the header Idempotency-Key: send the field id instead of the header',
      );
  }
  if (options.id !== undefined) return { type, options: withFingerprint(options, task.text) };
  return { type, options: Object.keys(options).length === 0 ? undefined : options };
}

/** @throws RequestError unless the list is empty */
export function refuse(errors: FieldError[]): void {
  const [first] = errors;
  if (first) throw new RequestError("invalid_argument", `body${first.path} ${first.message}`, errors);
}

/** Lists what is wrong with the fields of a task, a node or a callback. */
export function errorsIn(
  validator: Validator,
  { fields: record, hasPayload }: Pick<CutTask, "fields" | "hasPayload">,
): FieldError[] {
  const errors = issuesOf(validator, record).map(({ instancePath, message }) => ({
    path: instancePath,
    message,
    in: "body",
  }));
  if (!hasPayload) {
    errors.push({ path: "", message: 'lacks required fields: "payload" (null is a payload)', in: "body" });
  }
  if (record.delayMs !== undefined && record.runAt !== undefined) {
    errors.push({ path: "/runAt", message: "cannot be combined with delayMs: give one of them", in: "body" });
  }
  return errors;
}

function fieldErrors(task: CutTask, hasKey: boolean): FieldError[] {
  const errors = errorsIn(fields, task);
  const record = task.fields;
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
      message:
        "cannot be combined with an id or an Idempotency-Key: the id alone says which partition the task is in",
      in: "body",
    });
  }
  return errors;
}
