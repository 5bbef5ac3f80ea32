import { type Backoff, HoldfastError, LIMITS } from "@holdfast/contracts";
import { backoffShape, taskHints } from "../engine/task-options.ts";
import { checkTypeRule } from "../engine/type-rules.ts";
import { callback, nestedOr, whole, yesNo } from "../options/kinds.ts";
import { checkShape, shapeOf, shown } from "../options/shape.ts";
import type { Handler, Handlers } from "./handler.ts";
import type { BackoffFunction, IsFailure } from "./retry-policy.ts";

/**
 * A handler with what holds for its tasks in this worker. What a task brings itself counts first, then these options, then those of the
 * worker. Of several entries that fit a type only the most exact one counts.
 */
export interface HandlerOptions {
  handler: Handler;
  /** Retries of tasks that bring no number of their own, 0 to 100. @default that of the worker */
  maxRetries?: number | undefined;
  /** Time-out of an attempt of tasks that bring none. Milliseconds, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /** Wait before a retry, for tasks that bring none: an object, or a function of attempt, error and task. @default that of the worker */
  backoff?: Backoff | BackoffFunction | undefined;
  /** Whether an error costs the task an attempt. @default that of the worker */
  isFailure?: IsFailure | undefined;
  /**
   * Whether a task that is out of attempts, or met a FatalError, goes to the dead letters; otherwise it ends as cancelled, with its errors
   * in its history. A task whose worker crashes too often is a dead letter all the same. @default true
   */
  deadLetter?: boolean | undefined;
  /** How many of its tasks this worker runs at the same time, 1 to 5_000. The others are left to other workers. @default no limit of its own */
  concurrency?: number | undefined;
}

const perTask = "it is an option of a task: enqueue(type, payload, { … })";

export const handlerShape = shapeOf<HandlerOptions>({
  what: "a handler",
  title: "Handler",
  example: "{ handler: async (task, ctx) => {}, maxRetries: 5 }",
  kinds: {
    handler: callback,
    maxRetries: whole(0, LIMITS.maxRetries),
    timeoutMs: whole(1, LIMITS.timeoutMs),
    backoff: nestedOr(backoffShape, callback),
    isFailure: callback,
    deadLetter: yesNo,
    concurrency: whole(1, 5_000),
  },
  hints: {
    attempts: taskHints.attempts,
    retries: "maxRetries",
    timeout: "timeoutMs",
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

/** @throws HoldfastError invalid_argument, invalid_task_type */
export function checkHandlers(handlers: Handlers): void {
  const refuse = (why: string): never => {
    throw new HoldfastError("invalid_argument", `handlers has to be an object such as ${EXAMPLE}${why}`);
  };
  if (typeof handlers === "function")
    refuse(', got a function: the one for all task types is { "*": handler }');
  if (handlers instanceof Map) refuse(", got a Map: Object.fromEntries(map) makes one of it");
  if (typeof handlers !== "object" || handlers === null || Array.isArray(handlers))
    refuse(`, got ${shown(handlers)}`);
  if (Array.isArray(handlers.pids) && typeof handlers.handlers === "object")
    refuse(": of isolated() it is the field handlers");
  for (const [type, entry] of Object.entries(handlers)) {
    const isOptions = typeof entry === "object" && entry !== null;
    if (typeof entry !== "function" && !isOptions)
      refuse(
        `: handlers[${JSON.stringify(type)}] has to be a function, or an object with a handler, got ${shown(entry)}`,
      );
    if (isOptions) checkShape(handlerShape, entry, `handlers[${JSON.stringify(type)}].`);
    checkTypeRule(type);
  }
}
