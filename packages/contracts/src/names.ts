/** Patterns of names and ids for every part of Holdfast, and the checks of them. */

import { LIMITS } from "./limits.ts";

/** Braces would break Redis hash tags and `..` would change URLs, so the pattern allows neither. */
export const QUEUE_NAME_PATTERN = "^(?!.*\\.\\.)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
export const TASK_ID_PATTERN = "^[A-Za-z0-9_.:-]{1,128}$";
/** Pattern of new task ids. "." and ".." are refused, because clients read them as steps of a path. */
export const NEW_TASK_ID_PATTERN = "^(?!\\.{1,2}$)[A-Za-z0-9_.:-]{1,128}$";
/** A type may end with "@" and a version (docs/steps.md). */
export const TASK_TYPE_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}(@[1-9][0-9]{0,8})?$";
/**
 * Pattern of the ids of workers and clients. They are part of records, where a space ends a field, and of a channel's
 * name.
 */
export const WORKER_ID_PATTERN = "^[A-Za-z0-9_.:@-]{1,128}$";
/** The first part of every key. */
export const KEY_PREFIX_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$";
/**
 * A schedule id is shorter than a task id may be, because the tasks of a schedule have its id and a time as their ids.
 */
export const SCHEDULE_ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";

/** A flow id has neither a dot nor a colon, so the ids of its nodes and callbacks name their flow. */
export const FLOW_ID_PATTERN = "^[A-Za-z0-9_-]{1,48}$";
export const NODE_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_:-]{0,63}$";
/** The whole name of a node. If a running node adds a node, its own name and a dot come before the given name. */
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
 * The key of a task: well-formed text without NUL. "." and ".." are refused, because clients read them as steps of a
 * path.
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
