import { HoldfastError } from "@holdfast/contracts";
import type { ChildrenOptions, TaskFlowContext } from "../flows/node-flow.ts";
import type { Duration } from "../steps/duration.ts";
import type { CallOptions, SleepOptions, StepOptions, WaitForOptions } from "../steps/step-options.ts";
import type { StepStore } from "../steps/step-store.ts";
import { traceIdOf } from "../tracing/trace-context.ts";
import type { ContextCalls } from "./context-calls.ts";
import type { HandlerContext, HandlerTask, LogOptions } from "./handler.ts";

/** The attempt from which the `task` and `ctx` arguments of a handler read. */
export interface Attempt {
  /** The parsed JSON; parsing happens when it is first read. */
  readonly payload: unknown;
  /** Created when it is first read. */
  readonly signal: AbortSignal;
  /** Null if the task belongs to no flow. */
  readonly flow: TaskFlowContext | null;
  /** Created when it is first read. */
  readonly calls: ContextCalls;
}

class Itself {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: a subclass adds its private field to this object
    return object;
  }
}

/** Stores the attempt in a private field of an object, which a spread, a clone or a log does not copy. */
class Given extends Itself {
  readonly #attempt: Attempt;

  constructor(object: object, attempt: Attempt) {
    super(object);
    this.#attempt = attempt;
  }

  /** Finds the attempt of an object, or of an object that inherits from it, such as the context of a middleware. */
  static attemptOf(object: object): Attempt {
    return Given.find(object) as Attempt;
  }

  static find(object: object): Attempt | undefined {
    let given: object | null = object;
    while (given && !(#attempt in given)) given = Object.getPrototypeOf(given);
    return given ? given.#attempt : undefined;
  }
}

// All tasks share one getter, because a closure for each task would make the objects much slower (hot path). The
// getters are own properties, so that a spread copies them.
const payload = {
  enumerable: true,
  configurable: true,
  get(this: object) {
    return Given.attemptOf(this).payload;
  },
};
const signal = {
  enumerable: true,
  configurable: true,
  get(this: object) {
    return Given.attemptOf(this).signal;
  },
};

/** Makes the `task` argument of a handler: a plain object with the documented fields only. */
export function handlerTask(of: Omit<HandlerTask, "payload">, attempt: Attempt): HandlerTask {
  const task = {
    id: of.id,
    type: of.type,
    queue: of.queue,
    payloadText: of.payloadText,
    attempt: of.attempt,
    enqueuedAt: of.enqueuedAt,
    // A copy, so that a handler that changes the array does not change the tags of later attempts.
    tags: of.tags.length === 0 ? [] : [...of.tags],
    schedule: of.schedule && { ...of.schedule },
  };
  new Given(task, attempt);
  return Object.defineProperty(task, "payload", payload) as unknown as HandlerTask;
}

/** Makes the `ctx` argument of a handler: a plain object whose functions can be used without `this`. */
export function handlerContext(
  { attempt: number, token, traceparent }: Pick<HandlerContext, "attempt" | "token" | "traceparent">,
  attempt: Attempt,
): HandlerContext {
  const context = {
    attempt: number,
    token,
    traceId: traceparent === null ? null : traceIdOf(traceparent),
    traceparent,
    progress: (value: unknown) => attempt.calls.progress(value),
    checkpoint: (value: unknown) => attempt.calls.checkpoint(value),
    readCheckpoint: () => attempt.calls.readCheckpoint(),
    log: (line: unknown, options?: LogOptions) => attempt.calls.log(line, options),
    step: (name: string, run: () => unknown, options?: StepOptions) =>
      attempt.calls.steps.step(name, run, options),
    sleep: (duration: Duration, options?: SleepOptions) => attempt.calls.steps.sleep(duration, options),
    waitFor: (events: string | readonly string[], options?: WaitForOptions) =>
      attempt.calls.steps.waitFor(events, options),
    call: (type: string, payload: unknown, options?: CallOptions) =>
      attempt.calls.steps.call(type, payload, options),
    flow: attempt.flow,
    children: (options?: ChildrenOptions) => attempt.calls.children(options),
  };
  new Given(context, attempt);
  return Object.defineProperty(context, "signal", signal) as unknown as HandlerContext;
}

/**
 * Returns the store in which an attempt keeps its durable steps. A handler in a child process reaches the store of its
 * worker through this.
 * @throws HoldfastError invalid_argument if a middleware replaced the context
 */
export function stepStoreOf(context: object): StepStore {
  const attempt = Given.find(context);
  if (attempt) return attempt.calls.stepStore;
  throw new HoldfastError(
    "invalid_argument",
    "steps in a child process need the context that the worker made: let the middleware pass on that object, or one that inherits from it",
  );
}
