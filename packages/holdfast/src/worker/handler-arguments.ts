import { HoldfastError } from "@holdfast/contracts";
import type { ChildrenOptions, FlowChild, TaskFlowContext } from "../flows/node-flow.ts";
import type { Duration } from "../steps/duration.ts";
import type { CallOptions, SleepOptions, StepOptions, WaitForOptions } from "../steps/step-options.ts";
import type { StepStore } from "../steps/step-store.ts";
import type { Steps } from "../steps/steps.ts";
import { traceIdOf } from "../tracing/trace-context.ts";
import type { HandlerContext, HandlerTask, LogOptions } from "./handler.ts";

/** The attempt to which the `task` and `ctx` of a handler belong. */
export interface Attempt {
  /** Parsed when it is first read. */
  readonly payload: unknown;
  /** Made when it is first read. */
  readonly signal: AbortSignal;
  progress(value: unknown): Promise<void>;
  checkpoint(value: unknown): Promise<void>;
  readCheckpoint(): Promise<unknown>;
  log(line: unknown, options?: LogOptions): Promise<void>;
  /** Null for a task without a flow. */
  readonly flow: TaskFlowContext | null;
  children(options?: ChildrenOptions): AsyncGenerator<FlowChild>;
  /** Made when it is first called. */
  steps(): Steps;
  readonly stepStore: StepStore;
}

class Itself {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: a subclass adds its private field to this object
    return object;
  }
}

/** Adds the attempt to an object as a private field, which no spread, clone or log shows. */
class Given extends Itself {
  readonly #attempt: Attempt;

  constructor(object: object, attempt: Attempt) {
    super(object);
    this.#attempt = attempt;
  }

  /** @param object the object that was given, or one that inherits from it */
  static attemptOf(object: object): Attempt {
    return Given.find(object) as Attempt;
  }

  static find(object: object): Attempt | undefined {
    let given: object | null = object;
    while (given && !(#attempt in given)) given = Object.getPrototypeOf(given);
    return given ? given.#attempt : undefined;
  }
}

// All objects share one getter, so that they share a hidden class; a closure for each object would cost several times
// as much (hot path). The getters are own properties, so that a spread includes them.
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

/** Makes the `task` argument of a handler: a plain object with the documented fields and nothing else. */
export function handlerTask(of: Omit<HandlerTask, "payload">, attempt: Attempt): HandlerTask {
  const task = {
    id: of.id,
    type: of.type,
    queue: of.queue,
    payloadText: of.payloadText,
    attempt: of.attempt,
    enqueuedAt: of.enqueuedAt,
    // The tags are copied, so that a change in a handler does not reach other attempts.
    tags: of.tags.length === 0 ? [] : [...of.tags],
    schedule: of.schedule && { ...of.schedule },
  };
  new Given(task, attempt);
  return Object.defineProperty(task, "payload", payload) as unknown as HandlerTask;
}

/** Makes the `ctx` argument of a handler in the same way. Its functions need no `this`. */
export function handlerContext(
  { attempt: number, token, traceparent }: Pick<HandlerContext, "attempt" | "token" | "traceparent">,
  attempt: Attempt,
): HandlerContext {
  const context = {
    attempt: number,
    token,
    traceId: traceparent === null ? null : traceIdOf(traceparent),
    traceparent,
    progress: (value: unknown) => attempt.progress(value),
    checkpoint: (value: unknown) => attempt.checkpoint(value),
    readCheckpoint: () => attempt.readCheckpoint(),
    log: (line: unknown, options?: LogOptions) => attempt.log(line, options),
    step: (name: string, run: () => unknown, options?: StepOptions) =>
      attempt.steps().step(name, run, options),
    sleep: (duration: Duration, options?: SleepOptions) => attempt.steps().sleep(duration, options),
    waitFor: (events: string | readonly string[], options?: WaitForOptions) =>
      attempt.steps().waitFor(events, options),
    call: (type: string, payload: unknown, options?: CallOptions) =>
      attempt.steps().call(type, payload, options),
    flow: attempt.flow,
    children: (options?: ChildrenOptions) => attempt.children(options),
  };
  new Given(context, attempt);
  return Object.defineProperty(context, "signal", signal) as unknown as HandlerContext;
}

/**
 * Returns where the steps of an attempt are kept. A child process uses the store of its worker.
 * @throws HoldfastError invalid_argument if a middleware replaced the context
 */
export function stepStoreOf(context: object): StepStore {
  const attempt = Given.find(context);
  if (attempt) return attempt.stepStore;
  throw new HoldfastError(
    "invalid_argument",
    "steps in a child process need the context that the worker made: a middleware may pass on that object, or one that inherits from it",
  );
}
