import {
  type Backoff,
  DURABILITIES,
  type FingerprintedOptions,
  HoldfastError,
  isNewTaskId,
  isTaskKey,
  isTaskType,
  type Keep,
  LIMITS,
  PRIORITIES,
  type TaskOptions,
  UNIQUE_CONFLICTS,
  UNIQUE_SCOPES,
  type Unique,
} from "@holdfast/contracts";
import {
  anything,
  epochMs,
  isText,
  listOf,
  nested,
  oneOf,
  pattern,
  text,
  whole,
  yesNo,
} from "../options/kinds.ts";
import { checkShape, type Kind, type Kinds, shapeOf } from "../options/shape.ts";
import { isTraceparent, isTracestate } from "../tracing/trace-context.ts";

export const backoffShape = shapeOf<Backoff>({
  what: "a backoff",
  title: "Backoff",
  example: '{ kind: "fixed", baseMs: 1_000 }',
  kinds: {
    kind: oneOf("exponential", "fixed"),
    baseMs: whole(0, 86_400_000),
    maxMs: whole(0, 86_400_000),
    jitter: oneOf("full", "none"),
  },
  hints: { type: "kind", strategy: "kind", delay: "baseMs", initialInterval: "baseMs", maxDelay: "maxMs" },
});

const keyKind = pattern(
  `a text of 1 to ${LIMITS.keyBytes} bytes without NUL, except "." and ".."`,
  isTaskKey,
);

function contradictionOfUnique({ scope, windowMs, onConflict, maxWaitMs }: Unique): string | undefined {
  const replaces = onConflict === "replace" || onConflict === "debounce" || onConflict === "keepLatest";
  if (scope === "waiting" && onConflict === "keepLatest")
    return 'onConflict "keepLatest" needs the scope "unfinished"';
  if (scope === "window" && replaces)
    return `onConflict "${onConflict}" cannot be combined with the scope "window"`;
  if (scope === "window" && windowMs === undefined)
    return 'scope "window" needs windowMs: the length of the window';
  if (scope !== "window" && windowMs !== undefined) return 'windowMs needs the scope "window"';
  if (onConflict !== "debounce")
    return maxWaitMs === undefined ? undefined : 'maxWaitMs needs onConflict "debounce"';
  if (maxWaitMs === undefined)
    return 'onConflict "debounce" needs maxWaitMs: the longest time from the first enqueue';
  return scope === "unfinished" ? 'onConflict "debounce" needs the scope "waiting"' : undefined;
}

export const uniqueShape = shapeOf<Unique>({
  what: "a unique key",
  title: "Unique key",
  example: '{ key: "report-7" }',
  kinds: {
    key: keyKind,
    scope: oneOf(...UNIQUE_SCOPES),
    windowMs: whole(1, LIMITS.delayMs),
    onConflict: oneOf(...UNIQUE_CONFLICTS),
    maxWaitMs: whole(1, LIMITS.delayMs),
  },
  hints: {
    ...{ id: "key", ttl: "windowMs", periodMs: "windowMs", mode: "onConflict" },
    delayMs: "delayMs is an option of the task: put it next to unique",
  },
  required: ["key"],
  rule: contradictionOfUnique,
});

export const keepShape = shapeOf<Keep>({
  what: "keep",
  title: "Keep",
  example: "{ completedMs: 60_000 }",
  kinds: {
    completedMs: whole(0, LIMITS.keepMs),
    deadMs: whole(1, LIMITS.keepMs),
    count: whole(1, LIMITS.keepCount),
  },
  hints: {
    ...{ age: "completedMs", ttl: "completedMs", retentionMs: "completedMs", resultTtl: "completedMs" },
    ...{ failedMs: "deadMs", maxDeadAgeMs: "deadMs", failureTtl: "deadMs" },
    ...{
      retentionCount: "count",
      completedCount: "count",
      maxDead: "the number of dead letters is a setting of the queue",
    },
  },
  rule: (keep) =>
    Object.values(keep).every((value) => value === undefined)
      ? "keep needs completedMs, deadMs or count: leave keep out to use the retention of the queue"
      : undefined,
});

/** The fingerprint is written into the first line of the envelope, which a space or a line break would split. */
const fingerprint = pattern("1 to 128 visible ASCII characters, no spaces", (value) =>
  /^[\x21-\x7e]{1,128}$/.test(value),
);

export const taskKinds: Kinds<TaskOptions> = {
  id: {
    ...pattern('a valid task id: 1 to 128 of A-Z a-z 0-9 _ . : -, except "." and ".."', isNewTaskId),
    code: "invalid_task_id",
  },
  ifEnded: oneOf("again", "duplicate"),
  partitionKey: text(1, LIMITS.partitionKeyCharacters),
  key: keyKind,
  cost: whole(1, LIMITS.cost),
  unique: nested(uniqueShape),
  version: whole(1, LIMITS.version),
  priority: oneOf(...PRIORITIES),
  delayMs: whole(0, LIMITS.delayMs),
  runAt: epochMs,
  maxRetries: whole(0, LIMITS.maxRetries),
  backoff: nested(backoffShape),
  timeoutMs: whole(1, LIMITS.timeoutMs),
  expiresAt: { ...epochMs, is: (value) => epochMs.is(value) && value !== 0 },
  tags: listOf(
    text(1, LIMITS.tagCharacters),
    `a list of at most ${LIMITS.tags} texts of 1 to ${LIMITS.tagCharacters} characters`,
    0,
    LIMITS.tags,
  ),
  keepPayload: yesNo,
  keep: nested(keepShape),
  durability: oneOf(...DURABILITIES),
  replicas: whole(1, 16),
  traceparent: pattern("00-<trace id>-<span id>-<flags> in lower-case hex", isTraceparent),
  tracestate: pattern("1 to 512 visible ASCII characters and spaces", isTracestate),
};

const schedules = "a task that repeats is a schedule (docs/schedules.md)";
export const taskHints = {
  delay: "delayMs",
  countdown: "delayMs",
  eta: "runAt",
  scheduledAt: "runAt",
  attempts:
    "did you mean maxRetries? It counts the retries after the first attempt: attempts: 4 is maxRetries: 3",
  retry: "maxRetries",
  jobId: "id",
  taskId: "id",
  deduplication: "unique",
  dedupeId: "id",
  uniqueKey: "unique",
  singletonKey: "unique",
  timeout: "timeoutMs",
  ttl: "expiresAt",
  expires: "expiresAt",
  repeat: schedules,
  cron: schedules,
  every: schedules,
  removeOnComplete:
    "keep: { completedMs, count } says how long a completed task is kept; the queue has retentionMs and retentionCount",
  removeOnFail:
    "keep: { deadMs } says how long a dead letter is kept; the queue has maxDead and maxDeadAgeMs",
  retentionMs:
    "keep: { completedMs } says how long a completed task is kept; retentionMs is a setting of the queue",
  lifo: "tasks of one priority run in the order of their enqueues: give it another priority",
  parent: "tasks that wait for others are a flow: queue.flow({ nodes })",
  keepLogs: "the last 50 lines are kept",
} as const;

function contradictionOf(options: TaskOptions): string | undefined {
  if (options.delayMs !== undefined && options.runAt !== undefined)
    return "delayMs and runAt cannot be combined";
  if (options.id !== undefined && options.partitionKey !== undefined)
    return "id and partitionKey cannot be combined: the id already decides the partition";
  if (options.key !== undefined && options.partitionKey !== undefined)
    return "key and partitionKey cannot be combined: the key already decides the partition";
  if (options.unique?.onConflict === "keepLatest" && (options.delayMs ?? options.runAt) !== undefined)
    return 'unique.onConflict "keepLatest" cannot be combined with delayMs or runAt: the task waits for the end of the running task';
  if (options.unique?.onConflict === "debounce" && options.delayMs === undefined)
    return 'unique.onConflict "debounce" needs delayMs: how long after the last enqueue the task is due';
  if (options.ifEnded !== undefined && options.id === undefined) return "ifEnded needs an id";
  if (options.replicas !== undefined && options.durability !== "replicated")
    return 'replicas needs durability "replicated"';
  if (options.tracestate !== undefined && options.traceparent === undefined)
    return "tracestate needs a traceparent";
  return undefined;
}

export const taskShape = shapeOf<TaskOptions>({
  what: "a task",
  title: "Task",
  example: "{ delayMs: 5_000 }",
  kinds: taskKinds,
  hints: taskHints,
  rule: contradictionOf,
});

function fingerprintWithoutId({ fingerprint, id }: FingerprintedOptions): string | undefined {
  return fingerprint !== undefined && id === undefined ? "fingerprint needs an id" : undefined;
}

/** The options of a task whose payload is given as JSON text (`enqueueText`). */
export const taskTextShape = shapeOf<FingerprintedOptions>({
  what: "a task",
  title: "Task given as text",
  example: "{ delayMs: 5_000 }",
  kinds: { ...taskKinds, fingerprint },
  hints: taskHints,
  rule: (options) => contradictionOf(options) ?? fingerprintWithoutId(options),
});

/** One task of a batch, in the shape that HTTP and NDJSON use: type, payload and options side by side. */
export interface NewTask extends FingerprintedOptions {
  /** The task type, which selects the handler. */
  type: string;
  /** Any JSON value. Alternatively, `payloadText` has the JSON text. */
  payload?: unknown;
  /** The exact JSON text of the payload, stored byte for byte. It is not checked. */
  payloadText?: string | undefined;
  /** The options of `enqueue`, in place of fields beside type and payload. A field in both places is refused. */
  options?: FingerprintedOptions | undefined;
}

export const taskTypeKind: Kind = {
  ...pattern(
    "a task type: 1 to 128 of A-Z a-z 0-9 _ . : / -, the first a letter or digit, perhaps with a version: order@2",
    isTaskType,
  ),
  code: "invalid_task_type",
};

const ownKinds = {
  type: taskTypeKind,
  payload: anything,
  payloadText: { wants: "JSON text", is: isText },
  options: nested(taskTextShape),
  fingerprint,
};

export const newTaskShape = shapeOf<NewTask>({
  what: "a task of a batch",
  title: "Task of a batch",
  example: '{ type: "mail", payload: { to: "ada" }, delayMs: 5_000 }',
  kinds: { ...taskKinds, ...ownKinds },
  hints: {
    ...taskHints,
    opts: "put its fields next to type and payload: { type, payload, delayMs }",
    name: "type",
    data: "payload",
  },
  rule: (task) =>
    task.payload !== undefined && task.payloadText !== undefined
      ? "payload and payloadText cannot be combined"
      : (contradictionOf(task) ?? fingerprintWithoutId(task)),
});

/**
 * Moves the fields of `options` beside type and payload.
 * @throws HoldfastError invalid_argument if a field is in both places
 */
export function flatTask(task: NewTask): NewTask {
  if (typeof task !== "object" || task === null || !("options" in task)) return task;
  const { options = {}, ...beside } = task;
  checkShape(taskTextShape, options);
  for (const name in options)
    if (name in beside)
      throw new HoldfastError(
        "invalid_argument",
        `${name} is given twice, next to type and payload and in options: give it once`,
      );
  return { ...options, ...beside };
}

/**
 * Checks one task of a batch, after `flatTask`. The type is checked elsewhere.
 * @returns the task if it has options, otherwise undefined. Most tasks have none, and then no more checks are needed
 * @throws HoldfastError invalid_* that names the field
 */
export function optionsOfNewTask(task: NewTask): TaskOptions | undefined {
  if (typeof task === "object" && task !== null) {
    let isPlain = true;
    for (const name in task)
      if (name !== "type" && name !== "payload" && name !== "payloadText") isPlain = false;
    // A task with both payload and payloadText is refused below.
    if (
      isPlain &&
      (task.payloadText === undefined || (typeof task.payloadText === "string" && task.payload === undefined))
    )
      return undefined;
  }
  checkShape(newTaskShape, task);
  return task;
}
