import { HoldfastError, isNewTaskId, isQueueName, isTaskId } from "@holdfast/contracts";

const PARTITION = /^(.*)\/(0|[1-9]\d{0,2})$/;

/** The queue that a partition is of, null where the name is that of no partition. */
export function queueOfPartition(name: string): string | null {
  return PARTITION.exec(name)?.[1] ?? null;
}

/** A queue, or one partition of it, `name/3`. @throws HoldfastError invalid_queue_name */
export function checkQueueName(name: string): string {
  if (!isQueueName(queueOfPartition(name) ?? name)) {
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
    throw new HoldfastError(
      "invalid_task_id",
      `"${id}" is not a valid task id: 1 to 128 of A-Z a-z 0-9 _ . : -`,
    );
  }
  return id;
}

/** Of a task that is enqueued. @throws HoldfastError invalid_task_id */
export function checkNewTaskId(id: string): string {
  if (isNewTaskId(id)) return id;
  checkTaskId(id);
  throw new HoldfastError("invalid_task_id", `"${id}" cannot be the id of a task: no URL can name it`);
}
