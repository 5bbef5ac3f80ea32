import { type Backoff, HoldfastError, type TaskSchedule } from "@holdfast/contracts";
import { RATE_LIMITED_MAX } from "../engine/format.ts";
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
import { checkShape, shapeOf } from "../options/shape.ts";
import type { Signal } from "../steps/step-options.ts";
import { Steps } from "../steps/steps.ts";
import { TaskSuspended } from "../steps/task-suspended.ts";
import { type Batches, LATER } from "../worker/batches.ts";
import type { Handler, Handlers } from "../worker/handler.ts";
import { type Attempt, failedCall, handlerContext, handlerTask } from "../worker/handler-arguments.ts";
import type { HandlerEntry } from "../worker/handler-entry.ts";
import { checkHandlers } from "../worker/handler-options.ts";
import { HandlerTable } from "../worker/handler-table.ts";
import { checkpointText, logText, progressText, storedResult } from "../worker/json-text.ts";
import { type Middleware, MiddlewareChain } from "../worker/middleware.ts";
import { judge } from "../worker/retry-policy.ts";
import { readThrown } from "../worker/thrown.ts";
import { type Calls, MemorySteps } from "./memory-steps.ts";

/** What became of a task that `testWorker` ran. */
export interface TestRun {
  /**
   * "released": a rate limit was met, or the error does not count as a failure, so no attempt is lost. "cancelled": the
   * task leaves no dead letter. "suspended": the handler sleeps or waits, and would run again after `delayMs`.
   */
  outcome: "acked" | "retried" | "released" | "suspended" | "dead" | "cancelled";
  /** The result that a caller of `queue.result` would see, parsed. */
  result?: unknown;
  resultText?: string;
  /** The error that the handler threw; with "acked", the reason why its result could not be stored. */
  error?: unknown;
  /** The wait before the next attempt, ms, if the task is retried or suspended, or the hold of a rate limit. */
  delayMs?: number;
  attempts: number;
  progress: unknown[];
  /** The checkpoint that was kept for the next attempt; undefined if there is none. */
  checkpoint?: unknown;
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
  id?: string | undefined;
  /** The number of the attempt, from 1. @default 1 */
  attempt?: number | undefined;
  /** @default the maxRetries of the handler, otherwise 3 */
  maxRetries?: number | undefined;
  backoff?: Backoff | undefined;
  /** The checkpoint that an earlier attempt kept. @default none */
  checkpoint?: unknown;
  /** Signals that the task has got, in their order. @default none */
  signals?: readonly Signal[] | undefined;
  /** What `ctx.call` returns: a function of the payload for each type that is called. @default no type can be called */
  calls?: Calls | undefined;
  signal?: AbortSignal | undefined;
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

/**
 * Runs handlers like a worker, but without Redis. Payloads and results go through JSON, and errors have the same
 * meaning.
 */
export function testWorker(handlers: Handlers) {
  checkHandlers(handlers);
  const table = new HandlerTable(handlers);
  const middleware = new MiddlewareChain();
  const entryOf = (type: string): HandlerEntry => {
    const entry = table.find(type);
    if (entry) return entry;
    throw new HoldfastError(
      "invalid_argument",
      `there is no handler for "${type}": ${table.rules.join(", ")}`,
    );
  };
  return {
    /** Adds a middleware, like `use` of a worker. */
    use(layer: Middleware): void {
      middleware.use(layer);
    },
    async run(type: string, payload: unknown, options: TestRunOptions = {}): Promise<TestRun> {
      checkShape(testRunShape, options);
      const entry = entryOf(type);
      return runTask(entry, middleware.around(entry.handler), type, payload, options);
    },
    /**
     * Runs tasks of a batch handler as if they were granted together, with the given payloads: in one call, or in
     * several if the batch is split or throws.
     * @returns the outcome of each task, in the order of the payloads
     * @throws HoldfastError invalid_argument
     */
    async runBatch(
      type: string,
      payloads: readonly unknown[],
      options: TestBatchOptions = {},
    ): Promise<TestRun[]> {
      checkShape(testBatchShape, options);
      const entry = entryOf(type);
      const { batches } = entry;
      if (!batches)
        throw new HoldfastError(
          "invalid_argument",
          `the handler of "${type}" is not a batch handler: use run()`,
        );
      const { keys = [], ...others } = options;
      const runs = payloads.map((payload, place) => {
        const handler = inBatch(batches, middleware, keys[place] ?? null);
        return runTask(entry, handler, type, payload, { ...others, id: `test-task-${place + 1}` });
      });
      batches.close();
      return Promise.all(runs);
    },
  };
}

/** Makes a handler that joins the batch in place of running alone. */
function inBatch(batches: Batches, middleware: MiddlewareChain, key: string | null): Handler {
  return (task, ctx) =>
    new Promise((resolve, reject) => {
      let ended = false;
      const once = (say: () => void) => {
        ended = true;
        say();
      };
      const member = {
        ...{ key, payloadText: task.payloadText, asTask: () => task, asContext: () => ctx },
        get ended() {
          return ended;
        },
        get stopped() {
          return ctx.signal.aborted ? ctx.signal.reason : undefined;
        },
        succeed: (result: unknown) => once(() => resolve(result)),
        fail: (error: unknown) => once(() => reject(error)),
      };
      const returned = batches.join(member, middleware);
      if (returned !== LATER) resolve(returned);
    });
}

async function runTask(
  entry: HandlerEntry,
  handler: Handler,
  type: string,
  payload: unknown,
  options: TestRunOptions,
): Promise<TestRun> {
  const payloadText = JSON.stringify(payload);
  if (payloadText === undefined) throw new HoldfastError("invalid_argument", "the payload has no JSON form");
  const maxRetries = options.maxRetries ?? entry.maxRetries;
  const progress: unknown[] = [];
  const log: string[] = [];
  const errors: HoldfastError[] = [];
  const id = options.id ?? "test-task";
  const traceparent = options.traceparent ?? null;
  const stepStore = new MemorySteps(options.signals ?? [], options.calls ?? {});
  let refunded = 0;
  let checkpoint = options.checkpoint === undefined ? undefined : checkpointText(options.checkpoint);
  for (let attempt = options.attempt ?? 1; ; attempt++) {
    const signal = options.signal ?? new AbortController().signal;
    const steps = new Steps(stepStore, { taskId: id, signal: () => signal, suspends: !entry.batches });
    const behind: Attempt = {
      payload: JSON.parse(payloadText),
      signal,
      progress: async (value) => {
        try {
          progress.push(JSON.parse(progressText(value)));
        } catch (error) {
          errors.push(failedCall("ctx.progress", id, error));
        }
      },
      checkpoint: async (value) => {
        checkpoint = checkpointText(value);
      },
      readCheckpoint: async () => (checkpoint === undefined ? undefined : JSON.parse(checkpoint)),
      log: async (line) => {
        log.push(logText(line));
      },
      flow: null,
      async *children() {},
      steps: () => steps,
      stepStore,
    };
    const of = {
      id,
      type,
      queue: "test",
      payloadText,
      attempt,
      enqueuedAt: Date.now(),
      tags: options.tags ?? [],
      schedule: options.schedule ?? null,
    };
    const context = { attempt, token: `${attempt}-test`, traceparent };
    let error: unknown;
    const ended = {
      ...{ attempts: attempt, progress, log, errors },
      get steps(): string[] {
        return stepStore.done;
      },
      get checkpoint(): unknown {
        return checkpoint === undefined ? undefined : JSON.parse(checkpoint);
      },
    };
    try {
      const returned = await handler(handlerTask(of, behind), handlerContext(context, behind));
      if (stepStore.suspended) throw new TaskSuspended();
      const { text, tooLarge } = storedResult(returned);
      if (tooLarge) errors.push(failedCall("the result", id, tooLarge));
      return {
        outcome: "acked",
        ...ended,
        ...(text === undefined ? {} : { result: JSON.parse(text), resultText: text }),
        // A worker also acks such a task, because the work is done.
        ...(tooLarge ? { error: tooLarge } : {}),
      };
    } catch (thrown) {
      error = thrown;
    }
    if (stepStore.suspended) {
      const delayMs = stepStore.goOn();
      if (!options.untilSettled) return { outcome: "suspended", ...ended, attempts: attempt - 1, delayMs };
      attempt--;
      continue;
    }
    const verdict = judge(readThrown(error), entry, {
      ...{ attempt, error, random: 0.5 },
      own: { backoff: options.backoff ?? null, maxRetries: options.maxRetries ?? null },
      task: () => handlerTask(of, behind),
      onError: (problem) => errors.push(problem),
    });
    if (verdict.kind === "cancel" || verdict.kind === "drop")
      return { outcome: "cancelled", ...ended, error };
    const isRefunded = verdict.kind === "limited" || verdict.kind === "excuse";
    if (isRefunded && ++refunded <= RATE_LIMITED_MAX) {
      if (!options.untilSettled)
        return { outcome: "released", ...ended, attempts: attempt - 1, error, delayMs: verdict.delayMs };
      attempt--;
      continue;
    }
    if (verdict.kind === "fatal" || verdict.kind === "limited" || attempt > maxRetries)
      return { outcome: "dead", ...ended, error };
    if (!options.untilSettled) return { outcome: "retried", ...ended, error, delayMs: verdict.delayMs };
  }
}
