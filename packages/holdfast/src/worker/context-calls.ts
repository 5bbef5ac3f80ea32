import { type ChildrenOptions, childrenOf, type FlowChild } from "../flows/node-flow.ts";
import { RedisSteps, type StepStore, type StepsOwner } from "../steps/step-store.ts";
import { Steps } from "../steps/steps.ts";
import { readCheckpoint, type Writer, writeCheckpoint, writeLog, writeProgress } from "./attempt-writes.ts";
import type { LogOptions } from "./handler.ts";

/** What a handler calls through its `ctx`. */
export interface ContextCalls {
  progress(value: unknown): Promise<void>;
  checkpoint(value: unknown): Promise<void>;
  readCheckpoint(): Promise<unknown>;
  log(line: unknown, options?: LogOptions): Promise<void>;
  children(options?: ChildrenOptions): AsyncGenerator<FlowChild>;
  readonly steps: Steps;
  readonly stepStore: StepStore;
}

/** The attempt whose handler makes the calls. */
interface CallingAttempt extends Writer, StepsOwner {
  readonly isNode: boolean;
  readonly signal: AbortSignal;
  readonly suspends: boolean;
}

/** The calls of an attempt in this process. They read and write in Redis. */
export class RedisCalls implements ContextCalls {
  readonly steps: Steps;
  readonly stepStore: StepStore;
  readonly #of: CallingAttempt;

  constructor(of: CallingAttempt) {
    this.#of = of;
    this.stepStore = new RedisSteps(of);
    this.steps = new Steps(this.stepStore, {
      ...{ taskId: of.id, signal: () => of.signal, suspends: of.suspends },
    });
  }

  progress(value: unknown): Promise<void> {
    return writeProgress(this.#of, value);
  }

  checkpoint(value: unknown): Promise<void> {
    return writeCheckpoint(this.#of, value);
  }

  readCheckpoint(): Promise<unknown> {
    return readCheckpoint(this.#of);
  }

  log(line: unknown, options?: LogOptions): Promise<void> {
    return writeLog(this.#of, line, options?.level);
  }

  children(options?: ChildrenOptions): AsyncGenerator<FlowChild> {
    return childrenOf(this.#of, options);
  }
}
