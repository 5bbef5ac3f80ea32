import { HoldfastError, isQueueName, isScheduleId, isTaskId, isTaskType } from "@holdfast/contracts";
import { shown } from "../options/shape.ts";

/**
 * Checks names that are written into a record, a Redis key, a channel or a reply as they are. Records consist of words
 * and lines, so names may have no space and no line break. A brace in a Redis key would change its hash tag. Options of
 * constructors (worker id, prefix, instance) are checked in client-options.ts and worker-options.ts. Free text is
 * encoded instead (text.ts).
 */

const PARTITION = /^(.*)\/(0|[1-9]\d{0,2})$/;

/** Returns the queue of a partition, `orders` for `orders/3`; null if the name is not that of a partition. */
export function queueOfPartition(name: string): string | null {
  return PARTITION.exec(name)?.[1] ?? null;
}

/** Checks the name of a queue, or of one partition such as `orders/3`. @throws HoldfastError invalid_queue_name */
export function checkQueueName(name: string): string {
  if (typeof name !== "string" || !isQueueName(queueOfPartition(name) ?? name)) {
    throw new HoldfastError(
      "invalid_queue_name",
      `${shown(name)} is not a valid queue name: 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit, no ".."`,
    );
  }
  return name;
}

/** Checks a task id. @throws HoldfastError invalid_task_id */
export function checkTaskId(id: string): string {
  if (!isTaskId(id)) {
    throw new HoldfastError(
      "invalid_task_id",
      `${shown(id)} is not a valid task id: 1 to 128 of A-Z a-z 0-9 _ . : -`,
    );
  }
  return id;
}

/** Checks a task type. @throws HoldfastError invalid_task_type */
export function checkTaskType(type: string): string {
  if (!isTaskType(type)) {
    throw new HoldfastError(
      "invalid_task_type",
      `${shown(type)} is not a valid task type: 1 to 128 of A-Z a-z 0-9 _ . : / -, the first a letter or digit, perhaps with a version: order@2`,
    );
  }
  return type;
}

/** Checks the id of a schedule. @throws HoldfastError invalid_argument */
export function checkScheduleId(id: string): string {
  if (isScheduleId(id)) return id;
  throw new HoldfastError(
    "invalid_argument",
    `"${id}" is not a valid schedule id: 1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit`,
  );
}
