import type { HandlerContext, HandlerTask } from "./handler.ts";

/** The value by which tasks are told apart. Tasks with different values are never in one batch. */
export type BatchKey = string | number | boolean | null | undefined;

export interface BatchOptions {
  /** The most tasks of one call, 1 to 500. Each takes a slot of the worker, so its `concurrency` has to be at least this. */
  max: number;
  /**
   * How long tasks may wait until `max` of them are there, with `by: "key"` until `max` of their key are. They wait in Redis, without a lease. A task of high priority, a retry, and a task that
   * would expire end the wait. Milliseconds, 0 to 60_000. @default 0: a batch has the tasks that are there
   */
  waitMs?: number | undefined;
  /** Keeps tasks apart: `"key"`, by the key of the task, or a function of the task. @default nothing is kept apart */
  by?: "key" | ((task: HandlerTask) => BatchKey) | undefined;
  /** The most bytes of payload of one call. A task with a larger payload has a call of its own. 1 to 1_073_741_824. @default no limit */
  maxBytes?: number | undefined;
  /**
   * What a thrown error means. `bisect`: the batch is run again in halves, so that only a task that fails alone fails. `failAll`: every task of the
   * batch fails with the error. @default "bisect"
   */
  onThrow?: "bisect" | "failAll" | undefined;
}

/** What a batch handler gets with its tasks. A plain object; its functions need no `this`. */
export interface BatchContext<Result = unknown> {
  /** Aborted when every task of the batch that has no outcome yet was told to stop. That of one task is `of(task).signal`. */
  readonly signal: AbortSignal;
  /** The context of one task: its signal, token, attempt, progress, log and checkpoint. @throws HoldfastError invalid_argument */
  of(task: HandlerTask): HandlerContext;
  /**
   * Completes one task now, with its result, while the batch goes on. It is not run again if the handler throws later.
   * @throws HoldfastError invalid_argument: not a task of this call; conflict: the call has ended
   */
  complete(task: HandlerTask, result?: Result): void;
  /**
   * Fails one task now, with an error that means what it means in a handler. Of several outcomes of a task the first one counts.
   * @throws HoldfastError invalid_argument: not a task of this call; conflict: the call has ended
   */
  fail(task: HandlerTask, error: unknown): void;
  /** Fails one task with a `RetryAfter`. @param ms 0 to 31_536_000_000 @throws HoldfastError as `fail` */
  retryAfter(task: HandlerTask, ms: number): void;
}

/**
 * Runs several tasks in one call. Nothing returned: all tasks without an outcome of their own are done. An array: the result of each task, in the
 * order of the tasks; an Error in it fails its task. Anything else fails all of them.
 */
export type BatchHandler = (tasks: readonly HandlerTask[], ctx: BatchContext) => unknown;

/** The options and the handler of a batch, with their defaults. */
export interface BatchSettings {
  readonly max: number;
  readonly waitMs: number;
  readonly by: BatchOptions["by"];
  readonly maxBytes: number;
  readonly bisects: boolean;
  readonly handler: BatchHandler;
}
