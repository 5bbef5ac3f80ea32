import type { HandlerContext, HandlerTask } from "./handler.ts";

/** A value that separates tasks. Tasks with different values are never in one batch. */
export type BatchKey = string | number | boolean | null | undefined;

/** Options of `batch`. */
export interface BatchOptions {
  /**
   * The most tasks of one call, 1 to 500. Each takes a slot of the worker, so its `concurrency` has to be at least
   * this.
   */
  max: number;
  /**
   * How long tasks may wait until `max` of them are there, or with `by: "key"` until `max` of one key are there. They
   * wait in Redis, without a lease. The wait ends early for a task of high priority, a retry, and a task that would
   * expire. Milliseconds, 0 to 60_000. @default 0: a batch has the tasks that are pending
   */
  waitMs?: number | undefined;
  /**
   * Separates tasks: `"key"` by the key of the task, a function by the value that it returns. @default tasks are not
   * separated
   */
  by?: "key" | ((task: HandlerTask) => BatchKey) | undefined;
  /**
   * The most bytes of payload of one call. A task with a larger payload has a call of its own. 1 to 1_073_741_824.
   * @default no limit
   */
  maxBytes?: number | undefined;
  /**
   * What a thrown error means. `bisect`: the batch is run again in halves, so that only a task that fails alone fails.
   * `failAll`: every task of the batch fails with the error. @default "bisect"
   */
  onThrow?: "bisect" | "failAll" | undefined;
}

/** The context of a batch handler. A plain object; its functions need no `this`. */
export interface BatchContext<Result = unknown> {
  /**
   * Aborted when every task of the batch that has no outcome yet was told to stop. `of(task).signal` is the signal of
   * one task.
   */
  readonly signal: AbortSignal;
  /**
   * The context of one task: its signal, token, attempt, progress, log and checkpoint. @throws HoldfastError
   * invalid_argument
   */
  of(task: HandlerTask): HandlerContext;
  /**
   * Completes one task now, with its result, while the batch continues. The task is not run again if the handler throws
   * later.
   * @throws HoldfastError invalid_argument: not a task of this call; conflict: the call has ended
   */
  complete(task: HandlerTask, result?: Result): void;
  /**
   * Fails one task now. The error means the same as if a handler threw it. If a task gets several outcomes, the first
   * one counts.
   * @throws HoldfastError invalid_argument: not a task of this call; conflict: the call has ended
   */
  fail(task: HandlerTask, error: unknown): void;
  /** Fails one task with a `RetryAfter`. @param ms 0 to 31_536_000_000 @throws HoldfastError as `fail` */
  retryAfter(task: HandlerTask, ms: number): void;
}

/**
 * Runs several tasks in one call. If it returns nothing, all tasks without an outcome of their own are completed. If it
 * returns an array, the array has the result of each task, in the order of the tasks; an Error in it fails its task.
 * Any other value fails all tasks.
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
