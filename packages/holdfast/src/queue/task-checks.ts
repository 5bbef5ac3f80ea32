import { HoldfastError, type TaskOptions } from "@holdfast/contracts";
import { checkQueueName, checkTaskType } from "../engine/names.ts";
import { type NewTask, taskShape } from "../engine/task-options.ts";
import { checkShape, shown } from "../options/shape.ts";
import { checkPayloadBytes, payloadTextOf } from "./new-task.ts";

/**
 * Checks a task like `Queue.enqueue`, for programs that enqueue it later. Returns the payload as JSON text.
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

/** Checks that the tasks are an array. @throws HoldfastError invalid_argument */
export function checkBatch(tasks: readonly unknown[]): void {
  if (!Array.isArray(tasks))
    throw new HoldfastError(
      "invalid_argument",
      `enqueueMany takes an array of tasks, { type, payload, … }, got ${shown(tasks)}`,
    );
}

/** Returns the id that a caller gave to a task; null if there is none. The task may not have been checked yet. */
export function givenId(task: NewTask | null | undefined): string | null {
  const id: unknown = task?.id ?? task?.options?.id;
  return typeof id === "string" ? id : null;
}
