import { HoldfastError, type TaskState } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { BAND_ORDER, type Band } from "../engine/envelope.ts";
import { stateOfLetter } from "../engine/record.ts";

/** What an enqueue reached. */
export interface EnqueueReceipt {
  id: string;
  /** "purged" where a duplicate's task ended and is kept for its id alone. */
  state: TaskState | "purged";
  /** The same id with the same body was accepted before. */
  duplicate: boolean;
  /** What the write is known to have reached. */
  durability: "memory";
}

export interface PreparedTask {
  id: string;
  /** The id was given by a caller: it is looked up first. */
  checked: boolean;
  band: Band;
  envelope: string;
}

interface Waiting extends PreparedTask {
  resolve: (receipt: EnqueueReceipt) => void;
  reject: (error: unknown) => void;
}

// 250 per call: Redis is blocked for about half a millisecond, and the gain of larger calls is small.
const CALL_TASKS = 250;
const FULL_RETRY_MS = 1_000;

/** Gathers the enqueues of one event-loop turn into few script calls. */
export class EnqueueBuffer {
  readonly #engine: Engine;
  readonly #lingerMs: number;
  #waiting: Waiting[] = [];
  #scheduled = false;
  #inFlight = new Set<Promise<void>>();

  /** @param lingerMs how long a task may wait for company, ms; 0: until the end of the event-loop turn */
  constructor(engine: Engine, lingerMs = 0) {
    this.#engine = engine;
    this.#lingerMs = lingerMs;
  }

  add(task: PreparedTask): Promise<EnqueueReceipt> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...task, resolve, reject });
      if (this.#waiting.length >= CALL_TASKS) this.flush();
      else if (!this.#scheduled) {
        this.#scheduled = true;
        if (this.#lingerMs > 0) setTimeout(() => this.flush(), this.#lingerMs);
        else setImmediate(() => this.flush());
      }
    });
  }

  flush(): void {
    this.#scheduled = false;
    const tasks = this.#waiting;
    if (tasks.length === 0) return;
    this.#waiting = [];
    // A call looks up all of its ids or none; a minted id cannot be known yet.
    for (const checked of [false, true]) {
      const same = tasks.filter((task) => task.checked === checked);
      for (let at = 0; at < same.length; at += CALL_TASKS) {
        const sent = this.#send(same.slice(at, at + CALL_TASKS), checked);
        this.#inFlight.add(sent);
        void sent.finally(() => this.#inFlight.delete(sent));
      }
    }
  }

  /** Sends what waits and resolves when every call was answered. */
  async drain(): Promise<void> {
    this.flush();
    await Promise.allSettled(this.#inFlight);
  }

  async #send(tasks: Waiting[], checked: boolean): Promise<void> {
    const bands = BAND_ORDER.map((band) => tasks.filter((task) => task.band === band));
    const ordered = bands.flat();
    const tail: string[] = [];
    for (const task of ordered) tail.push(task.id, task.envelope);
    const [high = 0, normal = 0, low = 0] = bands.map((band) => band.length);
    try {
      const { verdicts, states } = await this.#engine.enqueue({ checked, high, normal, low, tail });
      let known = 0;
      ordered.forEach((task, i) => {
        const verdict = verdicts[i];
        if (verdict === "n") {
          const state = task.band === "scheduled" ? "scheduled" : "pending";
          task.resolve({ id: task.id, state, duplicate: false, durability: "memory" });
        } else if (verdict === "f") {
          task.reject(
            new HoldfastError(
              "queue_full",
              `queue "${this.#engine.queue}" is at its cap of waiting tasks: try again later`,
              {
                taskId: task.id,
                retryAfterMs: FULL_RETRY_MS,
              },
            ),
          );
        } else {
          const state = stateOfLetter(states[known++] ?? "r");
          if (verdict === "d") task.resolve({ id: task.id, state, duplicate: true, durability: "memory" });
          else {
            task.reject(
              new HoldfastError("task_conflict", `task "${task.id}" exists with another body`, {
                taskId: task.id,
              }),
            );
          }
        }
      });
    } catch (error) {
      for (const task of ordered) {
        task.reject(
          error instanceof HoldfastError
            ? new HoldfastError(error.code, error.message, {
                cause: error,
                taskId: task.id,
                ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
              })
            : error,
        );
      }
    }
  }
}
