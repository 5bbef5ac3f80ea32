import type { Durability, HoldfastError, TaskState } from "@holdfast/contracts";

/** The result of an enqueue. */
export interface EnqueueReceipt {
  /** The id of the task. */
  id: string;
  /** "purged" for a duplicate of a task that has ended, if Redis remembers only its id. */
  state: TaskState | "purged";
  /**
   * The same id with the same body was accepted before, or another task holds the unique key. In both cases this call
   * stored no task.
   */
  duplicate: boolean;
  /** False: the task had ended before this call, so it will not run. Only with `duplicate`. */
  willRun: boolean;
  /** True: another task holds the unique key, and `id` and `state` are those of that task. Absent otherwise. */
  deduplicated?: true;
  /** True, with `deduplicated`: that task got the payload and the options of this call. Absent otherwise. */
  replaced?: true;
  /** The durability that the write has reached. */
  durability: Durability;
}

/** The outcome of one task of `enqueueMany`: its receipt, or the error for which this task was not stored. */
export type EnqueueResult =
  | {
      /** Whether the task was accepted. */
      ok: true;
      /** What was stored. */
      receipt: EnqueueReceipt;
    }
  | {
      ok: false;
      /** The id of the task; null if it has none. */
      id: string | null;
      /** Why the task was refused. */
      error: HoldfastError;
    };

/** Receives the outcomes of tasks by their places, so that a batch needs no promise per task. */
export interface EnqueueSink {
  accepted(place: number, receipt: EnqueueReceipt): void;
  refused(place: number, error: unknown): void;
}
