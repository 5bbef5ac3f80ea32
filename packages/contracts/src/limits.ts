/** Limits of names and sizes for every part of Holdfast. */

/** Braces would break Redis hash tags and `..` would change URLs, so the pattern allows neither. */
export const QUEUE_NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$";
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

export const LIMITS = {
  /** Bytes of one payload, UTF-8. A larger value would block Redis for everybody. */
  payloadBytes: 262_144,
  /** Bytes of one result, UTF-8. */
  resultBytes: 65_536,
  /** Nesting of arrays and objects in a payload. */
  jsonDepth: 64,
  /** Tasks of one batch request. */
  batchTasks: 1_000,
  /** The most tasks of one script call, because `unpack` in Lua fails at 8,000 values. */
  scriptTasks: 500,
  /** Rows of one page. */
  pageTasks: 100,
  /** Bytes of one progress report, UTF-8. The report is rewritten with each log line. */
  progressBytes: 8_192,
  /** Bytes of the checkpoint of a task, UTF-8. */
  checkpointBytes: 65_536,
  /** Largest version of a task. */
  version: 999_999_999,
  /** Durable steps of one task. */
  steps: 1_000,
  /** Bytes of the result of one step, UTF-8. */
  stepResultBytes: 262_144,
  /** Bytes of the results of all steps of one task. */
  stepsBytes: 4_194_304,
  /** Events for which one wait can wait. */
  waitedEvents: 20,
  /** Bytes of the data of one signal, UTF-8. */
  signalBytes: 65_536,
  /** Characters kept of one error, and of one log line. */
  errorCharacters: 1_024,
  /** How long a discard can be undone, ms. */
  undoMs: 600_000,
  /** Most events of tasks that a queue keeps by its setting. */
  events: 100_000_000,
  /** Characters of a cursor of events: it has a part for each partition. */
  cursorCharacters: 16_384,
  /** The longest time that a caller may wait for a result, ms. */
  waitMs: 30_000,
  maxRetries: 100,
  delayMs: 31_536_000_000,
  /** Longest time for which a task says that it is kept, ms. */
  keepMs: 31_536_000_000,
  /** Most completed tasks of one type that their `keep.count` keeps. */
  keepCount: 10_000,
  timeoutMs: 86_400_000,
  tags: 16,
  tagCharacters: 64,
  partitionKeyCharacters: 256,
  /** Bytes of the key of a task, UTF-8. */
  keyBytes: 128,
  cost: 1_000_000,
  /** The most partitions of one queue. */
  partitions: 256,
  /** Nodes that one node of a flow may come after. */
  nodeAfter: 10_000,
  /** Characters of a query. */
  queryCharacters: 2_000,
} as const;

/** The mark at the end of a cut text, such as an error or a log line. */
export const CUT_MARK = " … (cut)";

const queueName = new RegExp(QUEUE_NAME_PATTERN);
const taskId = new RegExp(TASK_ID_PATTERN);
const newTaskId = new RegExp(NEW_TASK_ID_PATTERN);
const taskType = new RegExp(TASK_TYPE_PATTERN);
const workerId = new RegExp(WORKER_ID_PATTERN);
const keyPrefix = new RegExp(KEY_PREFIX_PATTERN);
const scheduleId = new RegExp(SCHEDULE_ID_PATTERN);

export const isQueueName = (value: unknown): value is string =>
  typeof value === "string" && queueName.test(value) && !value.includes("..");
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
