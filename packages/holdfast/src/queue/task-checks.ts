import { HoldfastError, LIMITS, type TaskOptions } from "@holdfast/contracts";
import { checkQueueName, checkTaskType } from "../engine/names.ts";
import { type NewTask, taskShape } from "../engine/task-options.ts";
import { checkShape, shown } from "../options/shape.ts";

/** Returns a payload as JSON text. @throws HoldfastError invalid_argument if the payload has no JSON form */
export function payloadTextOf(payload: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(payload);
  } catch (error) {
    throw new HoldfastError(
      "invalid_argument",
      `the payload has no JSON form: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
  if (text === undefined)
    throw new HoldfastError(
      "invalid_argument",
      "the payload has no JSON form: it is undefined, a function or a symbol",
    );
  return text;
}

/**
 * Checks a payload text that a caller gave. Output of `JSON.stringify` is not checked: it is always well-formed, and
 * the check would copy it.
 * @throws HoldfastError invalid_argument
 */
export function checkWellFormed(payloadText: string): void {
  if (typeof payloadText !== "string")
    throw new HoldfastError("invalid_argument", `payloadText has to be JSON text, got ${shown(payloadText)}`);
  if (payloadText.isWellFormed()) return;
  throw new HoldfastError("invalid_argument", "the payload text has a lone surrogate: write it as an escape");
}

/** @throws HoldfastError payload_too_large */
export function checkPayloadBytes(payloadText: string): void {
  // A character has at most three bytes, so most texts need not be measured.
  const { payloadBytes } = LIMITS;
  if (payloadText.length * 3 > payloadBytes && Buffer.byteLength(payloadText) > payloadBytes)
    throw new HoldfastError(
      "payload_too_large",
      `the payload has more than ${payloadBytes} bytes: store it elsewhere and enqueue a reference`,
    );
}

/**
 * Checks a task as `Queue.enqueue` does, for programs that enqueue it later. Returns the payload as JSON text.
 * @throws HoldfastError invalid_*, payload_too_large
 */
export function checkTask(queue: string, type: string, payload: unknown, options: TaskOptions = {}): string {
  checkQueueName(queue);
  checkTaskType(type);
  checkShape(taskShape, options);
  const text = payloadTextOf(payload);
  checkPayloadBytes(text);
  return text;
}

/** @throws HoldfastError invalid_argument */
export function checkBatch(tasks: readonly unknown[]): void {
  if (!Array.isArray(tasks))
    throw new HoldfastError(
      "invalid_argument",
      `enqueueMany takes an array of tasks, { type, payload, … }, got ${shown(tasks)}`,
    );
}

/** Returns the id that the caller gave to a task of a batch. The other fields of the task may have any values. */
export function givenId(task: NewTask | null | undefined): string | null {
  const id: unknown = task?.id ?? task?.options?.id;
  return typeof id === "string" ? id : null;
}
