import { createHash } from "node:crypto";
import { asHoldfastError, CUT_MARK, isNewTaskId, isTaskType, isWorkerId, LIMITS } from "@holdfast/contracts";
import { checkJson } from "@holdfast/contracts/json";
import type { Backoff, GivenUp, Keep, NewTask, Priority } from "holdfast";

/** The states of BullMQ whose jobs are moved, in the order in which they are moved. */
export const MOVED_STATES = ["waiting", "paused", "prioritized", "delayed", "failed"] as const;
export type MovedState = (typeof MOVED_STATES)[number];

/** The fields that are read from the hash of a job. */
export const JOB_FIELDS = [
  "name",
  "data",
  "opts",
  "timestamp",
  "priority",
  "atm",
  "attemptsMade",
  "failedReason",
  "stacktrace",
  "processedOn",
  "finishedOn",
  "pb",
  "rjk",
  "parentKey",
] as const;

/** A job as BullMQ stores it. Fields that the job does not have are null. */
export interface Job extends Record<(typeof JOB_FIELDS)[number], string | null> {
  id: string;
  state: MovedState;
  /** When a delayed job is due, ms since the epoch; null for other jobs. */
  dueAt: number | null;
}

/** How to make a task from a job. */
export interface Mapping {
  queue: string;
  /** Name of a job -> type of its task. @default the name of the job */
  types: ReadonlyMap<string, string>;
  /** A job becomes a task of high priority if its own priority number is at most this; with -1, no job does. */
  highUpTo: number;
  /** A job becomes a task of low priority if its own priority number is at least this. */
  lowFrom: number;
}

/** A task for the job, or the reason why the job is not moved. */
export type Mapped =
  | { kind: "task"; task: NewTask & { id: string }; givenUp: GivenUp | null; changes: string[] }
  | { kind: "skipped" | "refused"; why: string };

interface JobOptions {
  attempts?: unknown;
  backoff?: unknown;
  [name: string]: unknown;
}

/** Options of a job that a task cannot have, under the names that BullMQ uses. */
const NOT_KEPT: Readonly<Record<string, string>> = {
  lifo: "lifo is dropped: tasks of one band run in the order of their enqueues",
  de: "the deduplication id is dropped: in Holdfast, give a task an id to make its enqueue idempotent",
  tm: "the trace context is dropped",
};

/** Makes the task for a job, without any I/O. The payload of the task is the data of the job, byte for byte. */
export function taskOfJob(job: Job, mapping: Mapping): Mapped {
  const { name, data } = job;
  if (name === null || data === null) return skipped("the job was removed in the meantime");
  if (job.parentKey) return skipped("child of a flow: its parent in BullMQ waits for it");
  if (job.rjk && job.state !== "failed") return skipped("run of a job scheduler: make a schedule of it");
  const type = mapping.types.get(name) ?? name;
  if (!isTaskType(type))
    return refused(
      `${JSON.stringify(name)} is not a valid task type: add --type ${nameArgument(name)}=<type>`,
    );
  const wrong = payloadProblem(data);
  if (wrong !== null) return refused(wrong);
  const options = optionsOf(job.opts);
  if (options === null) return refused("the options of the job are not a JSON object");
  const id = taskIdOf(mapping.queue, job.id);
  const { maxRetries, backoff, changes } = retriesOf(job, options);
  for (const [option, text] of Object.entries(NOT_KEPT)) if (options[option]) changes.push(text);
  const keep = keepOf(options, changes);
  const task = {
    ...{ id, type, payloadText: data, ifEnded: "duplicate" as const, maxRetries },
    ...{ priority: bandOf(Number(job.priority ?? 0), mapping), fingerprint: fingerprintOf(job) },
    ...(backoff === undefined ? {} : { backoff }),
    ...(keep === undefined ? {} : { keep }),
    ...(job.state === "failed" ? { delayMs: LIMITS.delayMs } : {}),
    ...(job.dueAt === null ? {} : { runAt: job.dueAt }),
  };
  return {
    kind: "task",
    task,
    givenUp: job.state === "failed" ? givenUpOf(id, job, options) : null,
    changes,
  };
}

const skipped = (why: string): Mapped => ({ kind: "skipped", why });
const refused = (why: string): Mapped => ({ kind: "refused", why });

const nameArgument = (name: string) => (/^[\w.-]+$/.test(name) ? name : `'${name.slice(0, 40)}'`);

function payloadProblem(data: string): string | null {
  if (Buffer.byteLength(data) > LIMITS.payloadBytes)
    return `the payload is larger than ${LIMITS.payloadBytes} bytes`;
  try {
    checkJson(data, "the payload");
    return null;
  } catch (error) {
    return asHoldfastError(error).message;
  }
}

function optionsOf(text: string | null): JobOptions | null {
  try {
    const options: unknown = JSON.parse(text ?? "{}");
    return typeof options === "object" && options !== null && !Array.isArray(options)
      ? (options as JobOptions)
      : null;
  } catch {
    return null;
  }
}

/**
 * Returns the task id for a job. It is the same in every run, so that a repeated import recognises the tasks that it
 * has already stored.
 */
export function taskIdOf(queue: string, jobId: string): string {
  const id = `bullmq:${queue}:${jobId}`;
  if (isNewTaskId(id)) return id;
  return `bullmq:sha256:${createHash("sha256").update(`${queue}\0${jobId}`).digest("hex").slice(0, 32)}`;
}

/** The fingerprint contains when the job was added: BullMQ numbers jobs from 1 again after `obliterate`. */
function fingerprintOf({ name, data, timestamp }: Job): string {
  return createHash("sha256").update(`${name}\0${timestamp}\0${data}`).digest("base64url").slice(0, 22);
}

function bandOf(priority: number, { highUpTo, lowFrom }: Mapping): Priority {
  if (priority <= highUpTo) return "high";
  return priority >= lowFrom ? "low" : "normal";
}

const attemptsMade = ({ atm, attemptsMade: before }: Job) => Number(atm ?? before ?? 0);

function retriesOf(job: Job, options: JobOptions) {
  const changes: string[] = [];
  const attempts = Math.max(1, Number(options.attempts ?? 1) || 1);
  // A failed job becomes a dead letter. If that is replayed, it has all of its attempts again.
  const made = job.state === "failed" ? 0 : attemptsMade(job);
  const left = Math.max(0, attempts - made - 1);
  const maxRetries = Math.min(left, LIMITS.maxRetries);
  if (left > maxRetries)
    changes.push(`more than ${LIMITS.maxRetries} retries are cut to ${LIMITS.maxRetries}`);
  return { maxRetries, backoff: maxRetries === 0 ? undefined : backoffOf(options.backoff, changes), changes };
}

const LONGEST_BACKOFF_MS = 86_400_000;

function backoffOf(given: unknown, changes: string[]): Backoff | undefined {
  const { type, delay, jitter } = (
    typeof given === "number" ? { type: "fixed", delay: given } : (given ?? {})
  ) as {
    type?: unknown;
    delay?: unknown;
    jitter?: unknown;
  };
  // BullMQ retries at once if a job has no backoff.
  if (given === undefined || given === null) return { kind: "fixed", baseMs: 0, jitter: "none" };
  if (type !== "fixed" && type !== "exponential") {
    changes.push(`the backoff strategy ${JSON.stringify(type)} is replaced by the default backoff`);
    return undefined;
  }
  const wait = Math.max(0, Math.round(Number(delay ?? 0)) || 0);
  if (wait > LONGEST_BACKOFF_MS) changes.push("a backoff of more than 24 hours is cut to 24 hours");
  if (jitter) changes.push("a partial jitter becomes a full one");
  return {
    ...{ kind: type, baseMs: Math.min(wait, LONGEST_BACKOFF_MS), maxMs: LONGEST_BACKOFF_MS },
    jitter: jitter ? "full" : "none",
  };
}

/**
 * Reads a removal option of BullMQ: true removes the job at once, a number keeps that many jobs, and an object has an age
 * in seconds, a count, or both.
 */
function removalOf(given: unknown): { ageMs?: number; count?: number } {
  if (given === true) return { ageMs: 0 };
  const { age, count } = (typeof given === "number" ? { count: given } : (given ?? {})) as {
    age?: unknown;
    count?: unknown;
  };
  const isNumber = (value: unknown): value is number => typeof value === "number" && value >= 0;
  return {
    ...(isNumber(age) ? { ageMs: Math.min(Math.round(age * 1_000), LIMITS.keepMs) } : {}),
    ...(count === 0 ? { ageMs: 0 } : isNumber(count) ? { count: Math.ceil(count) } : {}),
  };
}

function keepOf({ removeOnComplete, removeOnFail }: JobOptions, changes: string[]): Keep | undefined {
  const completed = removalOf(removeOnComplete);
  const failed = removalOf(removeOnFail);
  const { ageMs, count } = completed;
  if (count !== undefined)
    changes.push(
      count > LIMITS.keepCount
        ? `the count of removeOnComplete becomes ${LIMITS.keepCount}, the most completed tasks of a type that can be kept`
        : "the count of removeOnComplete holds for each type of task, and not for the whole queue",
    );
  if (failed.count !== undefined)
    changes.push(
      "the count of removeOnFail is dropped: the setting maxDead limits the dead letters of the whole queue",
    );
  if (failed.ageMs === 0)
    changes.push("removeOnFail: the job becomes a dead letter, which the next sweep of a janitor drops");
  const keep: Keep = {
    ...(ageMs === undefined ? {} : { completedMs: ageMs }),
    ...(failed.ageMs === undefined ? {} : { deadMs: Math.max(1, failed.ageMs) }),
    ...(count === undefined ? {} : { count: Math.min(count, LIMITS.keepCount) }),
  };
  return Object.keys(keep).length === 0 ? undefined : keep;
}

function givenUpOf(id: string, job: Job, options: JobOptions): GivenUp {
  const attempts = Math.max(1, attemptsMade(job));
  const isStalled = job.failedReason === "job stalled more than allowable limit";
  const isLast = attempts >= Math.max(1, Number(options.attempts ?? 1) || 1);
  const error = errorOf(job);
  return {
    ...{ id, attempts },
    reason: isStalled ? "crashes_exhausted" : isLast ? "retries_exhausted" : "fatal",
    ...(error === "" ? {} : { error }),
    ...(job.finishedOn === null ? {} : { endedAt: Number(job.finishedOn) }),
    ...(job.processedOn === null ? {} : { startedAt: Number(job.processedOn) }),
    ...(job.pb !== null && isWorkerId(job.pb) ? { workerId: job.pb } : {}),
  };
}

/** Returns the stack trace of the last attempt, after the reason if the trace does not contain it. */
function errorOf({ failedReason, stacktrace }: Job): string {
  const reason = failedReason ?? "";
  const stack = lastStack(stacktrace);
  const text = (stack.includes(reason) ? stack : `${reason}\n${stack}`).trim().toWellFormed();
  if (text.length <= LIMITS.errorCharacters) return text;
  return text.slice(0, LIMITS.errorCharacters - CUT_MARK.length).toWellFormed() + CUT_MARK;
}

function lastStack(text: string | null): string {
  try {
    const stacks: unknown = JSON.parse(text ?? "[]");
    return Array.isArray(stacks) ? String(stacks.at(-1) ?? "") : "";
  } catch {
    return "";
  }
}
