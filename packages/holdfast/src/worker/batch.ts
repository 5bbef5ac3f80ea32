import { HoldfastError } from "@holdfast/contracts";
import { callback, either, oneOf, whole } from "../options/kinds.ts";
import { checkArgument, checkShape, shapeOf } from "../options/shape.ts";
import { runBatch } from "./batch-call.ts";
import type { Handler, HandlerContext, Handlers, HandlerTask } from "./handler.ts";

/** The value by which tasks are told apart. Tasks with different values are never in one batch. */
export type BatchKey = string | number | boolean | null | undefined;

export interface BatchOptions {
  /** The most tasks of one call, 1 to 500. Each takes a slot of the worker, so its `concurrency` has to be at least this. */
  max: number;
  /**
   * How long tasks may wait until `max` of them are there. They wait in Redis, without a lease. A task of high priority, a retry, and a task that
   * would expire end the wait. Milliseconds, 0 to 60_000. @default 0: a batch has the tasks that are there
   */
  waitMs?: number | undefined;
  /** Keeps tasks apart: `"key"`, by the key of the task, or a function of the task. @default nothing is kept apart */
  by?: "key" | ((task: HandlerTask) => BatchKey) | undefined;
  /** The most bytes of payload of one call. A task with a larger payload has a call of its own. 1 to 1_073_741_824. @default no limit */
  maxBytes?: number | undefined;
  /**
   * What a thrown error means. `bisect`: the batch is run again in halves, so that only a task that fails alone fails. `failAll`: every task of the
   * batch fails with the error. @default "bisect"
   */
  onThrow?: "bisect" | "failAll" | undefined;
}

/** What a batch handler gets with its tasks. A plain object; its functions need no `this`. */
export interface BatchContext {
  /** Aborted when every task of the batch that has no outcome yet was told to stop. That of one task is `of(task).signal`. */
  readonly signal: AbortSignal;
  /** The context of one task: its signal, token, attempt, progress, log and checkpoint. @throws HoldfastError invalid_argument */
  of(task: HandlerTask): HandlerContext;
  /**
   * Completes one task now, with its result, while the batch goes on. It is not run again if the handler throws later.
   * @throws HoldfastError invalid_argument: not a task of this call; conflict: the call has ended
   */
  complete(task: HandlerTask, result?: unknown): void;
  /**
   * Fails one task now, with an error that means what it means in a handler. Of several outcomes of a task the first one counts.
   * @throws HoldfastError invalid_argument: not a task of this call; conflict: the call has ended
   */
  fail(task: HandlerTask, error: unknown): void;
  /** Fails one task with a `RetryAfter`. @param ms 0 to 31_536_000_000 @throws HoldfastError as `fail` */
  retryAfter(task: HandlerTask, ms: number): void;
}

/**
 * Runs several tasks in one call. Nothing returned: all tasks without an outcome of their own are done. An array: the result of each task, in the
 * order of the tasks; an Error in it fails its task. Anything else fails all of them.
 */
export type BatchHandler = (tasks: readonly HandlerTask[], ctx: BatchContext) => unknown;

/** The options and the handler of a batch, with their defaults. */
export interface BatchSettings {
  readonly max: number;
  readonly waitMs: number;
  readonly by: BatchOptions["by"];
  readonly maxBytes: number;
  readonly bisects: boolean;
  readonly handler: BatchHandler;
}

export const batchShape = shapeOf<BatchOptions>({
  what: "a batch handler",
  title: "Batch handler",
  example: "{ max: 100, waitMs: 50 }",
  kinds: {
    max: whole(1, 500),
    waitMs: whole(0, 60_000),
    by: either(oneOf("key"), callback),
    maxBytes: whole(1, 1_073_741_824),
    onThrow: oneOf("bisect", "failAll"),
  },
  hints: {
    size: "max",
    batchSize: "max",
    minSize: "did you mean waitMs? Tasks then wait until max of them are there",
    timeout: "waitMs",
    timeoutMs:
      "it is an option of the handler, { handler: batch(…), timeoutMs }. How long to wait for more tasks is waitMs",
    groupAffinity: 'by: "key"',
    concurrency: "it is an option of the worker and counts tasks: { concurrency: 2 * max } runs two batches",
    maxRetries: "it is an option of the handler: { handler: batch(…), maxRetries }",
  },
  required: ["max"],
});

// By a symbol for all copies of this library: handlers may be loaded with another one than the worker.
const BATCH = Symbol.for("holdfast.batch");

/**
 * Makes a handler that runs several tasks in one call: `handlers: { "row.insert": batch({ max: 500 }, async (tasks, ctx) => …) }`. Each task keeps
 * its lease, attempt, time-out, history and result.
 * @throws HoldfastError invalid_argument
 */
export function batch(options: BatchOptions, handler: BatchHandler): Handler {
  checkShape(batchShape, options);
  checkArgument("the handler of a batch", callback, handler);
  const { max, waitMs = 0, by, maxBytes = Number.POSITIVE_INFINITY, onThrow = "bisect" } = options;
  const settings: BatchSettings = { max, waitMs, by, maxBytes, bisects: onThrow === "bisect", handler };
  // Called as a handler of one task, it runs a batch of one.
  const alone: Handler = (task, ctx) =>
    new Promise((resolve, reject) => {
      const asTask = () => task;
      const asContext = () => ctx;
      const member = { asTask, asContext, ended: false, stopped: undefined, succeed: resolve, fail: reject };
      void runBatch(settings, [member]);
    });
  return Object.assign(alone, { [BATCH]: settings });
}

/** The settings of a batch handler; undefined of any other. */
export function batchSettings(entry: Handlers[string] | undefined): BatchSettings | undefined {
  const handler = typeof entry === "object" ? entry?.handler : entry;
  return (handler as { [BATCH]?: BatchSettings } | undefined)?.[BATCH];
}

/** Checks that a batch has enough slots. @param name of the option @throws HoldfastError invalid_argument */
export function checkBatchSlots(rule: string, { max }: BatchSettings, name: string, slots: number): void {
  if (slots >= max) return;
  throw new HoldfastError(
    "invalid_argument",
    `${name} (${slots}) has to be at least the max (${max}) of the batch handler "${rule}", because each task of a batch takes a slot: set ${name} to ${max} or more, or max to ${slots} or less`,
  );
}

/** The slots that the largest batch needs, 0 without one. @param given checked against it, if it was given @throws HoldfastError invalid_argument */
export function slotsForBatches(handlers: Handlers, given: number | undefined): number {
  let most = 0;
  for (const [rule, entry] of Object.entries(handlers)) {
    const settings = batchSettings(entry);
    if (!settings) continue;
    if (given !== undefined) checkBatchSlots(rule, settings, "concurrency", given);
    most = Math.max(most, settings.max);
  }
  return most;
}
