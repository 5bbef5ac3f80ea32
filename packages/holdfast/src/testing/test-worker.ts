import { HoldfastError } from "@holdfast/contracts";
import type { TaskDefinition } from "../define-task.ts";
import { RATE_LIMITED_MAX } from "../engine/format.ts";
import { checkShape } from "../options/shape.ts";
import { Steps } from "../steps/steps.ts";
import { TaskSuspended } from "../steps/task-suspended.ts";
import { failedCall } from "../worker/attempt-writes.ts";
import { type Batches, LATER } from "../worker/batches.ts";
import type { Handler, Handlers } from "../worker/handler.ts";
import { type Attempt, handlerContext, handlerTask } from "../worker/handler-arguments.ts";
import type { HandlerEntry } from "../worker/handler-entry.ts";
import { checkHandlers } from "../worker/handler-options.ts";
import { HandlerTable } from "../worker/handler-table.ts";
import { checkpointText, logText, progressText, storedResult } from "../worker/json-text.ts";
import { type Middleware, MiddlewareChain } from "../worker/middleware.ts";
import { judge } from "../worker/retry-policy.ts";
import { readThrown } from "../worker/thrown.ts";
import { MemorySteps } from "./memory-steps.ts";
import {
  type TestBatchOptions,
  type TestRun,
  type TestRunOptions,
  testBatchShape,
  testRunShape,
} from "./test-options.ts";

/** The part of a task definition from which a test run takes the types of payload and result. */
type Typed<Input, Result> = Pick<TaskDefinition<Input, Result>, "type" | "enqueue" | "result">;

/**
 * Runs handlers like a worker, but without Redis. Payloads and results go through JSON, and errors mean the same as in
 * a worker.
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
      `there is no handler for "${type}"; the handlers are for ${table.rules.join(", ")}`,
    );
  };
  return {
    /** Adds a middleware, like `use` of a worker. */
    use(layer: Middleware): void {
      middleware.use(layer);
    },
    /**
     * Runs a task.
     * @param task the task type, or a definition from `defineTask`, so that payload and result have types
     * @throws HoldfastError invalid_argument
     */
    async run<Input = unknown, Result = unknown>(
      task: string | Typed<Input, Result>,
      payload: NoInfer<Input>,
      options: TestRunOptions = {},
    ): Promise<TestRun<Result>> {
      checkShape(testRunShape, options);
      const type = typeof task === "string" ? task : task.type;
      const entry = entryOf(type);
      const handler = middleware.around?.(entry.handler) ?? entry.handler;
      const run = await runTask(entry, handler, type, payload, options);
      return run as TestRun<Result>;
    },
    /**
     * Runs tasks of a batch handler as if they were granted together, with the given payloads: in one call, or in
     * several if the batch is split or the handler throws.
     * @returns the result of each task, in the order of the payloads
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

/** Makes a handler that adds its task to the batch. */
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
    const behind: Attempt = {
      payload: JSON.parse(payloadText),
      signal,
      flow: null,
      calls: {
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
        async *children() {},
        steps: new Steps(stepStore, { taskId: id, signal: () => signal, suspends: !entry.batches }),
        stepStore,
      },
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
        // A result that is too large is not stored, but the task is acked, because its work is done.
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
