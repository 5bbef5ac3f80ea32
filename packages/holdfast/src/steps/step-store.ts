import { HoldfastError } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import {
  type NewStep,
  type NewWait,
  readSteps,
  readStepText,
  type StoredSteps,
  type WaitAnswer,
  waitForSignal,
  writeStep,
} from "../engine/steps.ts";

import { type CalledState, type CalledTask, enqueueCalled, mintCalledId, readCalled } from "./called-task.ts";

/** Until when a task is suspended, and which signals end the suspension earlier. */
export interface Suspension {
  /** Milliseconds since the epoch. */
  until: number;
  events: readonly string[];
}

/**
 * Stores the durable steps of one attempt. All arguments and results can be written as JSON, because a handler in a
 * child process calls the store of its worker.
 */
export interface StepStore {
  /** Reads all steps of the task. `now`: the time of Redis, ms since the epoch. */
  read(): Promise<StoredSteps & { now: number }>;
  readText(of: { serial: string; place: number }): Promise<string>;
  /** Stores a step. @returns when it was done or the sleep ends @throws HoldfastError conflict if the lease is lost */
  write(step: NewStep): Promise<number>;
  /** Stores a wait, or returns the signal that ends it. @throws HoldfastError conflict if the lease is lost */
  wait(wait: NewWait): Promise<Exclude<WaitAnswer, { kind: "stale" }>>;
  /**
   * Enqueues the task of `ctx.call`, unless an earlier attempt has done so.
   * @throws HoldfastError queue_full, key_full, redis_*
   */
  call(task: CalledTask): Promise<void>;
  mintId(): Promise<string>;
  readCalled(id: string): Promise<CalledState>;
  /** Ends the attempt. The task is scheduled, and after the suspension a worker runs its handler again. */
  suspend(suspension: Suspension): Promise<void>;
}

/** The attempt to which a store belongs. Redis accepts a step only with the fence of the current lease. */
export interface StepsOwner {
  readonly id: string;
  readonly fence: string;
  readonly engine: Engine;
  /** Whether the attempt has ended. Then no steps are stored any more. */
  readonly ended: boolean;
  suspend(suspension: Suspension): void;
}

/** Stores the steps of an attempt in Redis. */
export class RedisSteps implements StepStore {
  readonly #of: StepsOwner;

  constructor(of: StepsOwner) {
    this.#of = of;
  }

  async read() {
    const { engine, id } = this.#of;
    const stored = await readSteps(engine, id);
    return { ...stored, now: engine.connection.now() };
  }

  readText({ serial, place }: { serial: string; place: number }): Promise<string> {
    return readStepText(this.#of.engine, serial, place);
  }

  async write(step: NewStep): Promise<number> {
    const at = this.#of.ended ? 0 : await writeStep(this.#of.engine, this.#of, step);
    if (at === 0) throw this.#lost(step.name);
    return at;
  }

  async wait(wait: NewWait) {
    const answer: WaitAnswer = this.#of.ended
      ? { kind: "stale" }
      : await waitForSignal(this.#of.engine, this.#of, wait);
    if (answer.kind === "stale") throw this.#lost(wait.name);
    return answer;
  }

  call(task: CalledTask): Promise<void> {
    return enqueueCalled(this.#of.engine, this.#of.id, task);
  }

  async mintId(): Promise<string> {
    return mintCalledId(this.#of.engine.queue);
  }

  readCalled(id: string): Promise<CalledState> {
    return readCalled(this.#of.engine, id);
  }

  async suspend(suspension: Suspension): Promise<void> {
    this.#of.suspend(suspension);
  }

  #lost(name: string): HoldfastError {
    return new HoldfastError(
      "conflict",
      `step "${name}" of task ${this.#of.id} was not stored: the lease of its attempt is lost, so another attempt may run`,
      { taskId: this.#of.id },
    );
  }
}
