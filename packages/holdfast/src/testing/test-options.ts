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

/** The result of a test run with `testWorker`. @typeParam Result what the handler returns */
export interface TestRun<Result = unknown> {
  /**
   * "acked": completed. "released": the attempt was refunded, because a rate limit was met or the error does not count.
   * "cancelled": ended without a dead letter. "suspended": the handler sleeps or waits, and would run again after
   * `delayMs`.
   */
  outcome: "acked" | "retried" | "released" | "suspended" | "dead" | "cancelled";
  /** The result, parsed from JSON, as `queue.result` would return it. */
  result?: Result;
  /** The result as JSON text. */
  resultText?: string;
  /** The error that the handler threw; with "acked", why its result could not be stored. */
  error?: unknown;
  /** The wait before the next attempt if the task is retried or suspended, or the hold of a rate limit, ms. */
  delayMs?: number;
  /** How many attempts were used. */
  attempts: number;
  /** The values that the handler passed to `ctx.progress`, in order. */
  progress: unknown[];
  /** The last checkpoint of the handler; undefined if there is none. */
  checkpoint?: unknown;
  /** The lines that the handler passed to `ctx.log`, in order. */
  log: string[];
  /** The names of the finished durable steps, in order. */
  steps: string[];
  /** The `error` events that a worker would emit, for failed calls of `ctx` and for a result that was not stored. */
  errors: HoldfastError[];
}

/** Options of one run of `testWorker`. */
export interface TestRunOptions {
  /** The id of the task. @default "test-task" */
  id?: string | undefined;
  /** The number of the attempt, from 1. @default 1 */
  attempt?: number | undefined;
  /** How often the task is retried. @default the maxRetries of the handler, otherwise 3 */
  maxRetries?: number | undefined;
  /** The backoff of the task. @default that of the handler */
  backoff?: Backoff | undefined;
  /** The checkpoint of an earlier attempt. @default none */
  checkpoint?: unknown;
  /** Signals that were given to the task, in order. @default none */
  signals?: readonly Signal[] | undefined;
  /** The results of `ctx.call`: for each called type, a function of the payload. @default no type can be called */
  calls?: Calls | undefined;
  /** The abort signal of the handler. @default one that is never aborted */
  signal?: AbortSignal | undefined;
  /** The tags of the task. @default none */
  tags?: string[] | undefined;
  /** The occurrence of the schedule that enqueued the task. @default none */
  schedule?: TaskSchedule | undefined;
  /** The trace context of the enqueue. @default none */
  traceparent?: string | undefined;
  /**
   * Runs attempt after attempt, without waits, until the task is acked or dead. A sleep ends at once, and a wait for a
   * signal that is not in `signals` times out. @default false
   */
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

/** Options of a test run with several tasks of a batch handler. */
export interface TestBatchOptions
  extends Pick<TestRunOptions, "attempt" | "maxRetries" | "backoff" | "signal" | "tags"> {
  /** The keys of the tasks, in order; null for a task without a key. @default no task has a key */
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
