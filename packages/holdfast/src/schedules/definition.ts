import {
  checkJsonDepth,
  HoldfastError,
  LIMITS,
  MISSED_POLICIES,
  OVERLAP_POLICIES,
  type ScheduleInput,
  type TaskOptions,
} from "@holdfast/contracts";
import { checkOptions, encodeEnvelope } from "../engine/envelope.ts";
import { fingerprintOf } from "../engine/fingerprint.ts";
import { checkQueueName, checkTaskType, queueOfPartition } from "../engine/names.ts";
import type { ScheduleDefinition } from "../engine/schedule-record.ts";
import { cronTimes } from "./cron.ts";

/** Every default filled in. @throws HoldfastError invalid_*, payload_too_large, payload_too_deep */
export function checkSchedule(
  input: ScheduleInput,
): Omit<ScheduleDefinition, "paused" | "createdAt" | "updatedAt" | "revision"> {
  const refuse = (text: string): never => {
    throw new HoldfastError("invalid_argument", text);
  };
  const { queue, cron, type, payloadText = "null", options = {}, timeZone = "UTC" } = input;
  const { missed = "once", overlap = "allow" } = input;
  if (queueOfPartition(checkQueueName(queue)) !== null) refuse(`"${queue}" is a partition: name its queue`);
  checkTaskType(type);
  cronTimes(cron, timeZone);
  if (!MISSED_POLICIES.includes(missed)) refuse(`missed has to be skip, once or all, got ${missed}`);
  if (!OVERLAP_POLICIES.includes(overlap)) refuse(`overlap has to be allow or skip, got ${overlap}`);
  const { priority, maxRetries, backoff, timeoutMs, tags, expiresAfterMs, ...others } = options;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) refuse(`a schedule has no option ${unknown} for its tasks`);
  checkOptions(taskOptions(options, 0));
  if (
    expiresAfterMs !== undefined &&
    (!Number.isSafeInteger(expiresAfterMs) || expiresAfterMs < 1 || expiresAfterMs > LIMITS.delayMs)
  )
    refuse(`expiresAfterMs has to be a whole number from 1 to ${LIMITS.delayMs}, got ${expiresAfterMs}`);
  try {
    JSON.parse(payloadText);
  } catch (error) {
    refuse(`payloadText is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  checkJsonDepth(payloadText, "payloadText");
  if (!payloadText.isWellFormed()) refuse("the payload text has a lone surrogate: write it as an escape");
  if (Buffer.byteLength(payloadText) > LIMITS.payloadBytes)
    throw new HoldfastError("payload_too_large", `the payload has more than ${LIMITS.payloadBytes} bytes`);
  return { queue, cron, timeZone, type, payloadText, options, missed, overlap };
}

/** The options of the task of one occurrence. */
export function taskOptions(options: ScheduleDefinition["options"], at: number): TaskOptions {
  const { expiresAfterMs, ...rest } = options;
  return expiresAfterMs === undefined ? rest : { ...rest, expiresAt: at + expiresAfterMs };
}

/** The envelope of the task of one occurrence. */
export function envelopeOf(definition: ScheduleDefinition, at: number, now: number): string {
  const { type, payloadText } = definition;
  const options = taskOptions(definition.options, at);
  return encodeEnvelope(type, now, payloadText, options, fingerprintOf(type, payloadText, options));
}
