import type { HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import {
  type ChildrenOptions,
  childrenOf,
  type FlowChild,
  flowOfTask,
  type TaskFlowContext,
} from "../flows/node-flow.ts";
import { RedisSteps, type StepStore, type StepsOwner, type Suspension } from "../steps/step-store.ts";
import { Steps } from "../steps/steps.ts";
import type { AttemptSpan } from "../tracing/tracing.ts";
import { readCheckpoint, writeCheckpoint, writeLog, writeProgress } from "./attempt-writes.ts";
import type { LogOptions } from "./handler.ts";
import type { HandlerEntry } from "./handler-entry.ts";
import { logLevel, logText } from "./json-text.ts";

/** What a handler can ask of its attempt through its context. */
export abstract class AttemptCalls implements StepsOwner {
  abstract readonly id: string;
  abstract readonly fence: string;
  abstract readonly engine: Engine;
  abstract readonly ended: boolean;
  /** Whether the task belongs to a flow. */
  abstract readonly isNode: boolean;
  abstract readonly entry: HandlerEntry | undefined;
  abstract readonly span: AttemptSpan | undefined;
  abstract readonly signal: AbortSignal;
  #stepStore: StepStore | undefined;
  #steps: Steps | undefined;

  abstract onError(error: HoldfastError): void;
  abstract suspend(suspension: Suspension): void;

  progress(value: unknown): Promise<void> {
    return writeProgress(this, value);
  }

  checkpoint(value: unknown): Promise<void> {
    return writeCheckpoint(this, value);
  }

  readCheckpoint(): Promise<unknown> {
    return readCheckpoint(this);
  }

  log(line: unknown, options?: LogOptions): Promise<void> {
    const text = () => {
      const text = logText(line);
      this.span?.log(text);
      return text;
    };
    return writeLog(this, text, logLevel(options?.level));
  }

  get flow(): TaskFlowContext | null {
    return this.isNode ? flowOfTask(this) : null;
  }

  children(options?: ChildrenOptions): AsyncGenerator<FlowChild> {
    return childrenOf(this, options);
  }

  get stepStore(): StepStore {
    this.#stepStore ??= new RedisSteps(this);
    return this.#stepStore;
  }

  /** Made when the handler comes to its first step, because most handlers have none. */
  steps(): Steps {
    this.#steps ??= new Steps(this.stepStore, {
      ...{ taskId: this.id, signal: () => this.signal, suspends: !this.entry?.batches },
    });
    return this.#steps;
  }
}
