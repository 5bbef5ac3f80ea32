import { HoldfastError } from "@holdfast/contracts";
import { callback, either, oneOf, whole } from "../options/kinds.ts";
import { checkArgument, checkShape, shapeOf } from "../options/shape.ts";
import { runBatch } from "./batch-call.ts";
import type { BatchHandler, BatchOptions, BatchSettings } from "./batch-handler.ts";
import type { Handler, Handlers } from "./handler.ts";

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

// A registered symbol, because the handlers may be loaded with another copy of this library than the worker.
const BATCH = Symbol.for("holdfast.batch");

/**
 * Makes a handler that runs several tasks in one call: `handlers: { "row.insert": batch({ max: 500 }, async (tasks,
 * ctx) => …) }`. Each task keeps its own lease, attempt, time-out, history and result.
 * @throws HoldfastError invalid_argument
 */
export function batch(options: BatchOptions, handler: BatchHandler): Handler {
  checkShape(batchShape, options);
  checkArgument("the handler of a batch", callback, handler);
  const { max, waitMs = 0, by, maxBytes = Number.POSITIVE_INFINITY, onThrow = "bisect" } = options;
  const settings: BatchSettings = { max, waitMs, by, maxBytes, bisects: onThrow === "bisect", handler };
  // Called if `alone` is used as a handler of a single task, for example by a middleware: it runs a batch of one task.
  const alone: Handler = (task, ctx) =>
    new Promise((resolve, reject) => {
      const asTask = () => task;
      const asContext = () => ctx;
      const member = { asTask, asContext, ended: false, stopped: undefined, succeed: resolve, fail: reject };
      void runBatch(settings, [member]);
    });
  return Object.assign(alone, { [BATCH]: settings });
}

/** Returns the settings of a batch handler; undefined for any other handler. */
export function batchSettings(entry: Handlers[string] | undefined): BatchSettings | undefined {
  const handler = typeof entry === "object" ? entry?.handler : entry;
  return (handler as { [BATCH]?: BatchSettings } | undefined)?.[BATCH];
}

/**
 * Checks that `slots` is enough for a batch of the handler. @param name the option that sets the slots, for the message
 * @throws HoldfastError invalid_argument
 */
export function checkBatchSlots(
  rule: string,
  { max }: BatchSettings,
  name: string,
  slots: number,
  remedy = name,
): void {
  if (slots >= max) return;
  throw new HoldfastError(
    "invalid_argument",
    `${name} (${slots}) has to be at least the max (${max}) of the batch handler "${rule}", because each task of a batch takes a slot: set ${remedy} to ${max} or more, or max to ${slots} or less`,
  );
}

const REMEDY = "concurrency (of the worker service: WORKER_CONCURRENCY)";

/**
 * Returns how many slots the largest batch of the handlers needs; 0 if no handler runs batches.
 * @param given the slots that the caller has set, which are checked @throws HoldfastError invalid_argument
 */
export function slotsForBatches(handlers: Handlers, given: number | undefined): number {
  let most = 0;
  for (const [rule, entry] of Object.entries(handlers)) {
    const settings = batchSettings(entry);
    if (!settings) continue;
    if (given !== undefined) checkBatchSlots(rule, settings, "concurrency", given, REMEDY);
    most = Math.max(most, settings.max);
  }
  return most;
}
