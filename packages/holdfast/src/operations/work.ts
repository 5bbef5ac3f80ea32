import type { Engine } from "../engine/engine.ts";
import type { Request } from "../engine/task-scripts.ts";

/** A task that could not be moved, and why. */
export interface Failure {
  id: string;
  code: string;
  detail: string;
}

/** How far an operation has come: the index of the part, and the last entry of that part that was read. */
export interface Place {
  part: number;
  after: string;
}

/**
 * The present batch. It is stored in Redis before its tasks are moved, so that a process that continues the operation
 * repeats the same call.
 */
export interface Batch {
  part: number;
  ids: string[];
  /** The number of tasks, for a burst or for emptying a state, where `ids` is empty. */
  count?: number;
}

export interface Moved {
  done: number;
  counts: Record<string, number>;
  failures: Failure[];
  /** The ids under which the tasks continue, so that a canary can watch them. */
  taskIds: string[];
  /**
   * An error that ends the operation after this batch was counted, such as a full queue, which would refuse the other
   * tasks too.
   */
  stop?: Error;
}

/**
 * The work of one kind of operation, which goes through a list of tasks in batches. A batch can be repeated, so another
 * process can continue from the last saved place.
 */
export interface Work {
  readonly first: Place;
  /** Returns the next batch, or null if no entry of this step is selected. `next` is null at the end. */
  next(place: Place, size: number): Promise<{ batch: Batch | null; next: Place | null }>;
  move(batch: Batch, request: Request): Promise<Moved>;
  /** Counts the tasks of the operation, until the signal is aborted. */
  count?(signal: AbortSignal, found: (count: number) => Promise<void>): Promise<number>;
  /** Returns the engine of the part where a task of a canary is now. */
  targetOf?(taskId: string): Engine;
}
