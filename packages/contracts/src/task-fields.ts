import { type CutObject, duplicateName } from "./json.ts";
import type { FingerprintedOptions } from "./task.ts";

/** The fields that a task in JSON may have besides `type` and `payload`. */
export const TASK_JSON_OPTIONS = [
  "id",
  "ifEnded",
  "priority",
  "delayMs",
  "runAt",
  "version",
  "maxRetries",
  "backoff",
  "timeoutMs",
  "expiresAt",
  "tags",
  "keepPayload",
  "keep",
  "durability",
  "replicas",
  "partitionKey",
  "key",
  "cost",
  "unique",
] as const;

/** A task that was cut from JSON. Its fields have not been checked yet. */
export interface CutTask {
  /** All members except the payload. */
  fields: Record<string, unknown>;
  hasPayload: boolean;
  /** The exact bytes of the whole task. */
  text: Buffer;
}

/** Checks the fields of a task. @throws HoldfastError that names the wrong field and the reason */
export type CheckTask<Options = FingerprintedOptions> = (task: CutTask) => {
  type: string;
  options: Options | undefined;
};

/** Cuts a task from a JSON object. @throws HoldfastError if a field occurs twice */
export function cutTaskOf(object: CutObject): CutTask {
  const { duplicate, members, bytes } = object;
  if (duplicate !== undefined) throw duplicateName(duplicate);
  return { fields: fieldsOf(object, ["payload"]), hasPayload: members.has("payload"), text: bytes };
}

/** Returns the parsed members of an object, except the ones in `without`, which are read in another way. */
export function fieldsOf(object: CutObject, without: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, span] of object.members) {
    if (without.includes(name)) continue;
    const value: unknown = JSON.parse(object.textOf(span));
    // An assignment would set the prototype, and the check would not see that there is an unknown field.
    if (name === "__proto__") Object.defineProperty(fields, name, { value, enumerable: true });
    else fields[name] = value;
  }
  return fields;
}
