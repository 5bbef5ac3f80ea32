import {
  HoldfastError,
  LIMITS,
  MISSED_POLICIES,
  OVERLAP_POLICIES,
  type ScheduledTaskOptions,
  type ScheduleInput,
  type TaskOptions,
  type TaskSchedule,
} from "@holdfast/contracts";
import { checkJson, JsonSyntaxError } from "@holdfast/contracts/json";
import { encodeEnvelope } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkQueueName, checkTaskType, queueOfPartition } from "../engine/names.ts";
import type { ScheduleDefinition } from "../engine/schedule-runs.ts";
import { taskHints, taskKinds, taskTypeKind } from "../engine/task-options.ts";
import { epochMs, isText, nested, oneOf, text, whole, yesNo } from "../options/kinds.ts";
import { checkShape, shapeOf } from "../options/shape.ts";
import { cronTimes } from "./cron.ts";

const { priority, maxRetries, backoff, timeoutMs, tags, keep, unique } = taskKinds;
const { attempts, timeout } = taskHints;

export const scheduledTaskShape = shapeOf<ScheduledTaskOptions>({
  what: "the tasks of a schedule",
  title: "Tasks of a schedule",
  example: '{ priority: "low" }',
  kinds: {
    ...{ priority, maxRetries, backoff, timeoutMs, tags, keep, unique },
    expiresAfterMs: whole(1, LIMITS.delayMs),
  },
  hints: {
    ...{ attempts, timeout },
    expiresAt: "expiresAfterMs",
    ttl: "expiresAfterMs",
    id: "each task has the id <schedule>:<time in ms>",
    delayMs: "a task is due at the time of its occurrence",
    runAt: "a task is due at the time of its occurrence",
  },
  rule: ({ unique }) =>
    unique?.onConflict === "debounce"
      ? 'unique.onConflict "debounce" cannot be used in a schedule, because its tasks have no delayMs: use "replace"'
      : undefined,
});

export const scheduleShape = shapeOf<ScheduleInput>({
  what: "a schedule",
  title: "Schedule",
  example: '{ queue: "reports", cron: "0 9 * * *", type: "report" }',
  kinds: {
    queue: { wants: "the name of a queue", is: isText, code: "invalid_queue_name" },
    cron: text(1, 1_000),
    timeZone: text(1, 64),
    startAt: epochMs,
    endAt: epochMs,
    limit: whole(1, Number.MAX_SAFE_INTEGER),
    immediately: yesNo,
    type: taskTypeKind,
    payloadText: { wants: "JSON text", is: isText },
    options: nested(scheduledTaskShape),
    missed: oneOf(...MISSED_POLICIES),
    overlap: oneOf(...OVERLAP_POLICIES),
    paused: yesNo,
  },
  hints: {
    tz: "timeZone",
    timezone: "timeZone",
    pattern: "cron",
    expression: "cron",
    every: 'an interval is a cron expression, too: cron: "@every 30s"',
    count: "limit",
    everyMs: 'an interval is a cron expression, too: cron: "@every 30s"',
    endDate: "endAt",
    startDate: "startAt",
    runOnInit: "immediately",
    payload: "did you mean payloadText? It is JSON text: JSON.stringify(payload)",
    data: "did you mean payloadText? It is JSON text: JSON.stringify(data)",
    name: "type",
    jobId: "each task has the id <schedule>:<time in ms>",
  },
  required: ["queue", "cron"],
  rule: ({ startAt, endAt, immediately }) => {
    if (startAt !== undefined && endAt !== undefined && endAt < startAt) return "endAt is before startAt";
    return startAt !== undefined && immediately ? "startAt and immediately cannot be combined" : undefined;
  },
});

/** Checks a schedule and fills in the defaults. @throws HoldfastError invalid_*, payload_too_large, payload_too_deep */
export function checkSchedule(
  input: ScheduleInput,
): Omit<ScheduleDefinition, "paused" | "createdAt" | "updatedAt" | "revision"> {
  const refuse = (message: string): never => {
    throw new HoldfastError("invalid_argument", message);
  };
  checkShape(scheduleShape, input);
  const { queue, cron, type, payloadText = "null", timeZone = "UTC" } = input;
  const { missed = "once", overlap = "allow", startAt = null, endAt = null, limit = null } = input;
  const options = (input.options ?? {}) as ScheduleDefinition["options"];
  if (queueOfPartition(checkQueueName(queue)) !== null)
    refuse(`"${queue}" is a partition: give the name of its queue`);
  checkTaskType(type);
  cronTimes(cron, timeZone);
  try {
    checkJson(payloadText, "payloadText");
  } catch (error) {
    if (error instanceof JsonSyntaxError) refuse(error.message);
    throw error;
  }
  if (!payloadText.isWellFormed()) refuse("the payload text has a lone surrogate: write it as an escape");
  if (Buffer.byteLength(payloadText) > LIMITS.payloadBytes)
    throw new HoldfastError("payload_too_large", `the payload has more than ${LIMITS.payloadBytes} bytes`);
  return { queue, cron, timeZone, startAt, endAt, limit, type, payloadText, options, missed, overlap };
}

/** Returns the options of the task of one occurrence. */
export function taskOptions(options: ScheduleDefinition["options"], at: number): TaskOptions {
  const { expiresAfterMs, ...rest } = options;
  return expiresAfterMs === undefined ? rest : { ...rest, expiresAt: at + expiresAfterMs };
}

/** Returns the envelope of the task of one occurrence: the text in which the task is stored. */
export function envelopeOf(definition: ScheduleDefinition, occurrence: TaskSchedule, now: number): string {
  const { type, payloadText } = definition;
  const options = taskOptions(definition.options, occurrence.dueAt);
  const print = fingerprintOf(type, payloadText, options);
  return encodeEnvelope(type, now, payloadText, options, print, undefined, occurrence);
}
