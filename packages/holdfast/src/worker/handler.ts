import type { Backoff, TaskSchedule } from "@holdfast/contracts";

/** A task as its handler sees it: a plain object with these properties and no others. */
export interface HandlerTask {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** The payload, parsed when first read. */
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is the business of producer and handler (defineTask types it)
  readonly payload: any;
  /** The exact text that was enqueued. */
  readonly payloadText: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
  readonly tags: readonly string[];
  /** The schedule that enqueued it, with the number and the time of the occurrence; null for any other task. */
  readonly schedule: Readonly<TaskSchedule> | null;
}

/** A plain object with these properties and no others. Its functions need no `this`: `(task, { progress, log }) => …` */
export interface HandlerContext {
  /** Aborted when the lease is lost, a cancel was requested, the time-out passed, or the grace of a stop ended. */
  readonly signal: AbortSignal;
  readonly attempt: number;
  /** `<grant>-<nonce>.<place>`; a later one has the larger grant: a downstream store can refuse an older one. */
  readonly token: string;
  /** The trace that the task belongs to, 32 hex digits: for log lines. Null without one. */
  readonly traceId: string | null;
  /** W3C Trace Context for what the handler calls: of this attempt where the worker traces, else of the enqueue. */
  readonly traceparent: string | null;
  /**
   * Stores how far the attempt is; any JSON value of at most 8,192 bytes. Ignored once the attempt is over or its lease is
   * lost. Never rejects: a value that cannot be stored, or a Redis that cannot be reached, is an `error` event of the
   * worker with the task's id.
   */
  progress(value: unknown): Promise<void>;
  /**
   * Keeps a JSON value of at most 65,536 bytes for the next attempt of the task, and replaces the one that was kept before. So a long task
   * goes on where it was after a stop or a crash. It is kept until the task is purged.
   * @throws HoldfastError invalid_argument, payload_too_large, conflict: the lease is lost, so another attempt may run
   */
  checkpoint(value: unknown): Promise<void>;
  /**
   * Reads what this attempt, or one before it, kept last; undefined if nothing.
   * @throws HoldfastError redis_unavailable
   */
  // biome-ignore lint/suspicious/noExplicitAny: what is in it is the business of the handler
  readCheckpoint(): Promise<any>;
  /**
   * Adds a line to the task's log, of which the last 50 are kept. A line is cut after 1,024 characters and says so.
   * Otherwise like `progress`.
   */
  log(line: string): Promise<void>;
}

/**
 * The value that it returns is stored as the result: as JSON, or as the exact text of a `JsonText`. A result of more than 65,536
 * bytes is left out, and an `error` event says so. A value without a JSON form (a BigInt, a circle) sends the task to the dead letters. A throw
 * is a failure.
 */
export type Handler = (task: HandlerTask, ctx: HandlerContext) => unknown;

/**
 * Computes the wait before the attempt that follows failed attempt `attempt` (counted from 1), ms, 0 or more. Null: no other attempt, the task is given
 * up now. If it throws, or returns anything else, the default backoff is used, and an `error` event says so.
 */
export type BackoffFunction = (attempt: number, error: unknown, task: HandlerTask) => number | null;

/**
 * Whether an error counts as a failure. With false the attempt is refunded and the task waits by its backoff. One task gets 100 such
 * refunds; after that, each error counts. If it throws, the error counts, and an `error` event says so.
 */
export type IsFailure = (error: unknown, task: HandlerTask) => boolean;

/**
 * A handler with what holds for its tasks in this worker. What a task brings itself counts first, then these options, then those of the
 * worker. Of several entries that fit a type only the most exact one counts.
 */
export interface HandlerOptions {
  handler: Handler;
  /** Retries of tasks that bring no number of their own, 0 to 100. @default that of the worker */
  maxRetries?: number | undefined;
  /** Time-out of an attempt of tasks that bring none. Milliseconds, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /**
   * Makes the `expiresAt` of a task a deadline: an attempt that runs then is aborted and fails as timed out, so a retry finds the task
   * expired. Otherwise it goes on, and only no other attempt begins. @default that of the worker
   */
  abortAtExpiry?: boolean | undefined;
  /** Wait before a retry, for tasks that bring none: an object, or a function of attempt, error and task. @default that of the worker */
  backoff?: Backoff | BackoffFunction | undefined;
  /** Whether an error costs the task an attempt. @default that of the worker */
  isFailure?: IsFailure | undefined;
  /**
   * Whether a task that is out of attempts, or met a FatalError, goes to the dead letters; otherwise it ends as cancelled, with its errors
   * in its history. A task whose worker crashes too often is a dead letter all the same. @default true
   */
  deadLetter?: boolean | undefined;
  /** How many of its tasks this worker runs at the same time, 1 to 5_000. The others are left to other workers. @default no limit of its own */
  concurrency?: number | undefined;
}

/**
 * The handlers of a worker. The name of each is a task type, the beginning of types with a star behind it (`email.*`), or `*` for all types; the
 * most exact one runs a task.
 */
export type Handlers = Readonly<Record<string, Handler | HandlerOptions>>;
