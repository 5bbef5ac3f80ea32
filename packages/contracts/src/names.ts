/** The patterns of names and ids for every part of Holdfast, and functions that check them. */

import { LIMITS } from "./limits.ts";

/** Braces would break Redis hash tags and `..` would change URLs, so the pattern allows neither. */
export const QUEUE_NAME_PATTERN = "^(?!.*\\.\\.)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
export const TASK_ID_PATTERN = "^[A-Za-z0-9_.:-]{1,128}$";
/** Pattern of new task ids. "." and ".." are refused, because HTTP clients change paths with them. */
export const NEW_TASK_ID_PATTERN = "^(?!\\.{1,2}$)[A-Za-z0-9_.:-]{1,128}$";
/** Pattern of task types. A type may end with "@" and a version (docs/steps.md). */
export const TASK_TYPE_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}(@[1-9][0-9]{0,8})?$";
/**
 * Pattern of the ids of workers and clients. They are written into records, where a space ends a field, and into
 * channel names.
 */
export const WORKER_ID_PATTERN = "^[A-Za-z0-9_.:@-]{1,128}$";
/** Pattern of the first part of every Redis key. */
export const KEY_PREFIX_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$";
/**
 * Pattern of schedule ids. They are shorter than task ids, because the task ids of a schedule have its id and a time.
 */
export const SCHEDULE_ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";

/**
 * Pattern of flow ids. They have no dot or colon, so that the flow can be read from the ids of its nodes and callbacks.
 */
export const FLOW_ID_PATTERN = "^[A-Za-z0-9_-]{1,48}$";
export const NODE_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_:-]{0,63}$";
/** Pattern of the whole name of a node. A node that a running node adds has the name `<its name>.<given name>`. */
export const NODE_PATH_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_:.-]{0,126}$";

const queueName = new RegExp(QUEUE_NAME_PATTERN);
const taskId = new RegExp(TASK_ID_PATTERN);
const newTaskId = new RegExp(NEW_TASK_ID_PATTERN);
const taskType = new RegExp(TASK_TYPE_PATTERN);
const workerId = new RegExp(WORKER_ID_PATTERN);
const keyPrefix = new RegExp(KEY_PREFIX_PATTERN);
const scheduleId = new RegExp(SCHEDULE_ID_PATTERN);

export const isQueueName = (value: unknown): value is string =>
  typeof value === "string" && queueName.test(value);
export const isTaskId = (value: unknown): value is string => typeof value === "string" && taskId.test(value);
export const isNewTaskId = (value: unknown): value is string =>
  typeof value === "string" && newTaskId.test(value);
export const isTaskType = (value: unknown): value is string =>
  typeof value === "string" && taskType.test(value);
/**
 * Returns whether a value can be the key of a task: well-formed text without NUL. "." and ".." are refused, because
 * HTTP clients change paths with them.
 */
export const isTaskKey = (value: unknown): value is string =>
  typeof value === "string" &&
  value !== "" &&
  value !== "." &&
  value !== ".." &&
  !value.includes("\0") &&
  value.isWellFormed() &&
  new TextEncoder().encode(value).length <= LIMITS.keyBytes;
export const isWorkerId = (value: unknown): value is string =>
  typeof value === "string" && workerId.test(value);
export const isKeyPrefix = (value: unknown): value is string =>
  typeof value === "string" && keyPrefix.test(value);
export const isScheduleId = (value: unknown): value is string =>
  typeof value === "string" && scheduleId.test(value);
