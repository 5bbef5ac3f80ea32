import type { Backoff, HoldfastError, TaskSchedule } from "@holdfast/contracts";
import { taskKinds } from "../engine/task-options.ts";
import {
  abortSignal,
  anything,
  epochMs,
  isText,
  listOf,
  nested,
  text,
  whole,
  yesNo,
} from "../options/kinds.ts";
import { shapeOf } from "../options/shape.ts";
import type { Signal } from "../steps/step-options.ts";
import type { Calls } from "./memory-steps.ts";

/** What became of a task that `testWorker` ran. @typeParam Result what the handler returns */
export interface TestRun<Result = unknown> {
  /**
   * "released": a rate limit was met, or the error does not count as a failure, so no attempt is lost. "cancelled": the
   * task leaves no dead letter. "suspended": the handler sleeps or waits, and would run again after `delayMs`.
   */
  outcome: "acked" | "retried" | "released" | "suspended" | "dead" | "cancelled";
  /** The result that a caller of `queue.result` would see, parsed. */
  result?: Result;
  /** The result as JSON text. */
  resultText?: string;
  /** The error that the handler threw; with "acked", the reason why its result could not be stored. */
  error?: unknown;
  /** The wait before the next attempt, ms, if the task is retried or suspended, or the hold of a rate limit. */
  delayMs?: number;
  /** How many attempts are used up. */
  attempts: number;
  /** What the handler reported with `ctx.progress`, parsed, in order. */
  progress: unknown[];
  /** The checkpoint that was kept for the next attempt; undefined if there is none. */
  checkpoint?: unknown;
  /** The lines of `ctx.log`, in order. */
  log: string[];
  /** The names of the durable steps that are done, in their order. */
  steps: string[];
  /**
   * The `error` events that a worker would emit, for calls of `ctx` that failed and for a result that was not stored.
   */
  errors: HoldfastError[];
}

/** Options of one run of `testWorker`. */
export interface TestRunOptions {
  /** The id of the task. @default "test-task" */
  id?: string | undefined;
  /** The number of the attempt, from 1. @default 1 */
  attempt?: number | undefined;
  /** @default the maxRetries of the handler, otherwise 3 */
  maxRetries?: number | undefined;
  /** The backoff of the task. @default that of the handler */
  backoff?: Backoff | undefined;
  /** The checkpoint that an earlier attempt kept. @default none */
  checkpoint?: unknown;
  /** Signals that the task has got, in their order. @default none */
  signals?: readonly Signal[] | undefined;
  /** What `ctx.call` returns: a function of the payload for each type that is called. @default no type can be called */
  calls?: Calls | undefined;
  /** The signal of the handler. @default one that is never aborted */
  signal?: AbortSignal | undefined;
  /** The tags of the task. @default none */
  tags?: string[] | undefined;
  /** The occurrence of a schedule. @default none */
  schedule?: TaskSchedule | undefined;
  /** The trace context that the task would have been stored with. */
  traceparent?: string | undefined;
  /** Runs attempt after attempt, without the waits, until the task is acked or dead. A sleep ends at once, and a
   * wait for a signal that has not come times out. @default false */
  untilSettled?: boolean | undefined;
}

const { id, maxRetries, backoff, tags, traceparent } = taskKinds;

const runKind = {
  wants: "a whole number from 1, or null",
  is: (value: unknown) => value === null || whole(1, Number.MAX_SAFE_INTEGER).is(value),
};

export const testScheduleShape = shapeOf<TaskSchedule>({
  what: "the schedule of a test run",
  title: "Schedule of a test run",
  example: '{ id: "nightly", run: 1, dueAt: 0 }',
  kinds: { id: text(1, 64), run: runKind, dueAt: epochMs },
  required: ["id", "run", "dueAt"],
});

const isCalls = (value: unknown) =>
  typeof value === "object" &&
  value !== null &&
  Object.values(value).every((answer) => typeof answer === "function");

const signalKind = {
  wants: 'a signal, such as { event: "approved", data: null }',
  is: (value: unknown) =>
    typeof value === "object" && value !== null && isText((value as Partial<Signal>).event),
};

export const testRunShape = shapeOf<TestRunOptions>({
  what: "a test run",
  title: "Test run",
  example: "{ attempt: 2 }",
  kinds: {
    ...{ id, maxRetries, backoff, tags, traceparent },
    attempt: whole(1, 1_000),
    checkpoint: anything,
    schedule: nested(testScheduleShape),
    signals: listOf(signalKind, "a list of signals", 0, 1_000),
    calls: { wants: "an object of functions", is: isCalls },
    signal: abortSignal,
    untilSettled: yesNo,
  },
});

/** Options of a batch of tasks. */
export interface TestBatchOptions
  extends Pick<TestRunOptions, "attempt" | "maxRetries" | "backoff" | "signal" | "tags"> {
  /** The keys of the tasks, in their order; null for none. @default no task has one */
  keys?: readonly (string | null)[] | undefined;
}

export const testBatchShape = shapeOf<TestBatchOptions>({
  what: "a test of a batch",
  title: "Test batch",
  example: "{ attempt: 2 }",
  kinds: {
    ...{ maxRetries, backoff, tags, attempt: whole(1, 1_000), signal: abortSignal },
    keys: listOf(
      { wants: "a key or null", is: (key) => key === null || isText(key) },
      "a list of keys",
      0,
      100_000,
    ),
  },
});
