import type { Durability, HoldfastError, TaskState } from "@holdfast/contracts";

/** The answer to an enqueue. */
export interface EnqueueReceipt {
  /** The id of the task. */
  id: string;
  /** The state of the task. "purged": a duplicate of a task that has ended and of which only the id is known. */
  state: TaskState | "purged";
  /** True if nothing was stored: the same task exists already, or another task holds the unique key. */
  duplicate: boolean;
  /** Whether the task will still run. False only with `duplicate`, if the task had ended before this call. */
  willRun: boolean;
  /** True if another task holds the unique key; `id` and `state` are those of that task. Absent otherwise. */
  deduplicated?: true;
  /** Only with `deduplicated`: true if that task got the payload and the options of this call. Absent otherwise. */
  replaced?: true;
  /** The durability that the write has reached. */
  durability: Durability;
}

/** The result for one task of `enqueueMany`: a receipt, or the error because of which the task was not stored. */
export type EnqueueResult =
  | {
      /** Whether the task was accepted. */
      ok: true;
      /** The answer to the enqueue of this task. */
      receipt: EnqueueReceipt;
    }
  | {
      ok: false;
      /** The id of the task; null if it has none. */
      id: string | null;
      /** Why the task was refused. */
      error: HoldfastError;
    };

/** Gets the outcomes of tasks by their positions, so that a batch needs no promise per task. */
export interface EnqueueSink {
  accepted(place: number, receipt: EnqueueReceipt): void;
  refused(place: number, error: unknown): void;
}
