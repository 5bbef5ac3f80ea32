import { HoldfastError, LIMITS } from "@holdfast/contracts";
import { backoffShape, taskHints } from "../engine/task-options.ts";
import { checkTypeRule } from "../engine/type-rules.ts";
import { callback, nestedOr, whole, yesNo } from "../options/kinds.ts";
import { checkShape, shapeOf, shown } from "../options/shape.ts";
import { batchSettings, checkBatchSlots } from "./batch.ts";
import type { HandlerOptions, Handlers } from "./handler.ts";

const perTask = "it is an option of a task: enqueue(type, payload, { … })";

export const handlerShape = shapeOf<HandlerOptions>({
  what: "a handler",
  title: "Handler",
  example: "{ handler: async (task, ctx) => {}, maxRetries: 5 }",
  kinds: {
    handler: callback,
    maxRetries: whole(0, LIMITS.maxRetries),
    timeoutMs: whole(1, LIMITS.timeoutMs),
    abortAtExpiry: yesNo,
    backoff: nestedOr(backoffShape, callback),
    isFailure: callback,
    deadLetter: yesNo,
    concurrency: whole(1, 5_000),
  },
  hints: {
    attempts: taskHints.attempts,
    retries: "maxRetries",
    timeout: "timeoutMs",
    deadline: "did you mean abortAtExpiry? The deadline itself is the expiresAt of a task",
    backoffStrategy: "backoff",
    run: "handler",
    process: "handler",
    onDead: "did you mean deadLetter: false?",
    removeOnFail: "did you mean deadLetter: false?",
    priority: perTask,
    delayMs: perTask,
    rateLimit: "limits are set per queue and key: observer.limits.set",
  },
  required: ["handler"],
});

const EXAMPLE = '{ "mail.send": async (task, ctx) => {} }';

/** Checks the option `handlers`. @throws HoldfastError invalid_argument, invalid_task_type */
export function checkHandlers(handlers: Handlers): void {
  const refuse = (why: string): never => {
    throw new HoldfastError("invalid_argument", `handlers has to be an object such as ${EXAMPLE}${why}`);
  };
  if (typeof handlers === "function") refuse(', got a function: for all task types write { "*": handler }');
  if (handlers instanceof Map) refuse(", got a Map: convert it with Object.fromEntries(map)");
  if (typeof handlers !== "object" || handlers === null || Array.isArray(handlers))
    refuse(`, got ${shown(handlers)}`);
  if (Array.isArray(handlers.pids) && typeof handlers.handlers === "object")
    refuse(": use the field handlers of the result of isolated()");
  for (const [type, entry] of Object.entries(handlers)) {
    const isOptions = typeof entry === "object" && entry !== null;
    if (typeof entry !== "function" && !isOptions)
      refuse(
        `: handlers[${JSON.stringify(type)}] has to be a function, or an object with a handler, got ${shown(entry)}`,
      );
    const place = `handlers[${JSON.stringify(type)}].`;
    if (isOptions) checkShape(handlerShape, entry, place);
    const batched = batchSettings(entry);
    if (isOptions && batched && entry.concurrency !== undefined)
      checkBatchSlots(type, batched, `${place}concurrency`, entry.concurrency);
    checkTypeRule(type);
  }
}
