import { HoldfastError, isQueueName, isTaskId } from "@holdfast/contracts";

/** @throws HoldfastError invalid_queue_name */
export function checkQueueName(name: string): string {
  if (!isQueueName(name)) {
    throw new HoldfastError(
      "invalid_queue_name",
      `"${name}" is no queue name: 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit, no ".."`,
    );
  }
  return name;
}

/** @throws HoldfastError invalid_task_id */
export function checkTaskId(id: string): string {
  if (!isTaskId(id)) {
    throw new HoldfastError("invalid_task_id", `"${id}" is no task id: 1 to 128 of A-Z a-z 0-9 _ . : -`);
  }
  return id;
}
