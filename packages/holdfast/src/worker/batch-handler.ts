import type { HandlerContext, HandlerTask } from "./handler.ts";

/** A value by which tasks are separated: tasks with different values are never in the same batch. */
export type BatchKey = string | number | boolean | null | undefined;

/** Options of `batch`. */
export interface BatchOptions {
  /**
   * The largest number of tasks in one call of the handler, 1 to 500. Each task of a batch takes one slot, so the
   * `concurrency` of the worker has to be at least `max`.
   */
  max: number;
  /**
   * How long pending tasks may wait until there are `max` of them (with `by: "key"`: `max` of one key). They wait in
   * Redis, without a lease. The wait ends early for a task of high priority, for a retry, and for a task that would
   * expire. Milliseconds, 0 to 60_000. @default 0: a batch gets the tasks that are pending now
   */
  waitMs?: number | undefined;
  /**
   * Which tasks may be in one batch: with `"key"` tasks with the same key, with a function tasks for which the function
   * returns the same value. @default any tasks
   */
  by?: "key" | ((task: HandlerTask) => BatchKey) | undefined;
  /**
   * The largest total size of the payloads of one call, bytes, 1 to 1_073_741_824. A larger single task gets a call of
   * its own. @default no limit
   */
  maxBytes?: number | undefined;
  /**
   * What happens when the handler throws. `bisect`: the batch is run again in halves, until only the tasks that cause
   * the error have failed. `failAll`: every task of the batch fails with the error. @default "bisect"
   */
  onThrow?: "bisect" | "failAll" | undefined;
}

/** The context of a batch handler. A plain object; its functions can be used without `this`. */
export interface BatchContext<Result = unknown> {
  /** Aborted when every unfinished task was aborted. `of(task).signal` is the signal of a single task. */
  readonly signal: AbortSignal;
  /**
   * Returns the context of one task: its signal, token, attempt, progress, log and checkpoint.
   * @throws HoldfastError invalid_argument if the task is not in this batch
   */
  of(task: HandlerTask): HandlerContext;
  /**
   * Completes one task now, while the batch continues. If the handler throws later, this task is not run again.
   * @throws HoldfastError invalid_argument: the task is not in this batch; conflict: the call has ended
   */
  complete(task: HandlerTask, result?: Result): void;
  /**
   * Fails one task now, as if a handler of this task had thrown `error`. If a task gets several outcomes, the first one
   * counts.
   * @throws HoldfastError invalid_argument: the task is not in this batch; conflict: the call has ended
   */
  fail(task: HandlerTask, error: unknown): void;
  /** Fails one task, which is retried after `ms`. @param ms 0 to 31_536_000_000 @throws HoldfastError as `fail` */
  retryAfter(task: HandlerTask, ms: number): void;
}

/**
 * Runs several tasks in one call. If it returns nothing, all tasks without an outcome are completed. If it returns an
 * array, the array holds one result for each task, in the order of `tasks`; an Error in the array fails its task. Any
 * other value fails all tasks.
 */
export type BatchHandler = (tasks: readonly HandlerTask[], ctx: BatchContext) => unknown;

/** The handler of a batch, and its options with their defaults. */
export interface BatchSettings {
  readonly max: number;
  readonly waitMs: number;
  readonly by: BatchOptions["by"];
  readonly maxBytes: number;
  readonly bisects: boolean;
  readonly handler: BatchHandler;
}
