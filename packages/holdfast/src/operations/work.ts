import type { Engine } from "../engine/engine.ts";
import type { Request } from "../engine/task-scripts.ts";

/** A task for which the operation failed, and why. */
export interface Failure {
  id: string;
  code: string;
  detail: string;
}

/** How far an operation is: the index of the partition, and the last entry that was read there. */
export interface Place {
  part: number;
  after: string;
}

/**
 * The tasks that are moved by one call. They are stored in Redis before the call, so that a process that continues the
 * operation repeats the same call.
 */
export interface Batch {
  part: number;
  ids: string[];
  /** The number of tasks, if `ids` is empty: for a burst or for emptying a state. */
  count?: number;
}

export interface Moved {
  done: number;
  counts: Record<string, number>;
  failures: Failure[];
  /** The ids of the tasks after the move, which a canary watches. */
  taskIds: string[];
  /**
   * An error that ends the operation after this batch, such as a full queue, which would refuse the other tasks too.
   */
  stop?: Error;
}

/**
 * The work of one kind of operation: it goes through a list of tasks in batches. Batches are repeatable, so that
 * another process can continue from the last stored position.
 */
export interface Work {
  readonly first: Place;
  /** Returns the next batch; null if none of the entries read is selected. `next` is null at the end of the list. */
  next(place: Place, size: number): Promise<{ batch: Batch | null; next: Place | null }>;
  move(batch: Batch, request: Request): Promise<Moved>;
  /** Counts the tasks of the operation, until the signal is aborted. */
  count?(signal: AbortSignal, found: (count: number) => Promise<void>): Promise<number>;
  /** Returns the engine of the partition that has a task of a canary now. */
  targetOf?(taskId: string): Engine;
}
