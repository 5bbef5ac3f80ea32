import type { Backoff, LogLevel, TaskSchedule } from "@holdfast/contracts";
import type { ChildrenOptions, FlowChild, TaskFlowContext } from "../flows/node-flow.ts";
import type { Duration } from "../steps/duration.ts";
import type {
  CallOptions,
  Signal,
  SleepOptions,
  StepOptions,
  WaitForOptions,
} from "../steps/step-options.ts";

/** A task as its handler sees it: a plain object with these properties and no others. */
// biome-ignore lint/suspicious/noExplicitAny: what is in a payload is the business of producer and handler (defineTask types it)
export interface HandlerTask<Payload = any> {
  /** The id of the task: the same in every attempt. */
  readonly id: string;
  /** The type of the task. */
  readonly type: string;
  /** The name of its queue. */
  readonly queue: string;
  /** The payload, parsed when first read. */
  readonly payload: Payload;
  /** The exact text that was enqueued. */
  readonly payloadText: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** Milliseconds since the epoch. */
  readonly enqueuedAt: number;
  /** The tags of the enqueue; empty without any. */
  readonly tags: readonly string[];
  /** The schedule that enqueued it, with the number and the time of the occurrence; null for any other task. */
  readonly schedule: Readonly<TaskSchedule> | null;
}

/** Options of `ctx.log`. */
export interface LogOptions {
  /** How important the line is. @default "info" */
  level?: LogLevel | undefined;
}

/**
 * A plain object with these properties and no others. Its functions need no `this`: `(task, { progress, log }) => …`
 */
export interface HandlerContext {
  /** Aborted when the lease is lost, a cancel was requested, the time-out passed, or the grace of a stop ended. */
  readonly signal: AbortSignal;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** `<grant>-<nonce>.<place>`. A later token has a larger grant, so a store can refuse writes with an older one. */
  readonly token: string;
  /** The trace of the task, 32 hex digits, for log lines. Null without a trace. */
  readonly traceId: string | null;
  /**
   * W3C Trace Context for calls that the handler makes: the span of this attempt if the worker traces, otherwise the
   * context of the enqueue.
   */
  readonly traceparent: string | null;
  /**
   * Stores the progress of the attempt: any JSON value of at most 8,192 bytes. Ignored when the attempt is over or its
   * lease is lost. It never rejects. If the value cannot be stored or Redis cannot be reached, the worker emits an
   * `error` event with the id of the task.
   */
  progress(value: unknown): Promise<void>;
  /**
   * Stores a checkpoint for the next attempt of the task: a JSON value of at most 65,536 bytes, which replaces the
   * previous checkpoint. So a long task can continue after a stop or a crash. The checkpoint is kept until the task is
   * purged.
   * @throws HoldfastError invalid_argument, payload_too_large; conflict if the lease is lost, so that another attempt
   * may run
   */
  checkpoint(value: unknown): Promise<void>;
  /**
   * Reads the last checkpoint of this attempt or an earlier one; undefined if there is none.
   * @throws HoldfastError redis_unavailable
   */
  // biome-ignore lint/suspicious/noExplicitAny: only the handler knows the type of its checkpoint
  readCheckpoint(): Promise<any>;
  /**
   * Adds a line to the log of the task. The last 50 lines are kept. A line of more than 1,024 characters is cut and
   * marked as cut. Like `progress`, it never rejects.
   */
  log(line: string, options?: LogOptions): Promise<void>;
  /** The flow that the task is a node or a callback of (docs/flows.md); null for any other task. */
  readonly flow: TaskFlowContext | null;
  /**
   * Yields the nodes that this node comes `after`, with their results. They are read page by page. A callback gets all
   * nodes of its flow, and a task without a flow gets none.
   * @throws HoldfastError invalid_argument, redis_unavailable
   */
  children(options?: ChildrenOptions): AsyncGenerator<FlowChild>;
  /**
   * Runs a function and stores its result before the call resolves. Every later attempt gets the stored result, and the
   * function does not run again. A step is recognised by its name; the second step with the same name in an attempt is
   * called `name#2`, and so on. The returned value has always gone through JSON, in the first attempt too.
   * @throws the error of the function; HoldfastError payload_too_large for a result of more than 262,144 bytes, a task
   * with more than 1,000 steps, or with more than 4 MiB in its steps; conflict if the lease is lost
   */
  step<Result>(name: string, run: () => Result, options?: StepOptions): Promise<Awaited<Result>>;
  /**
   * Sleeps for a time: milliseconds, or a text such as "3d"; at most 365 days. A sleep of more than one second ends the
   * attempt: the task needs no slot, no lease and no attempt while it sleeps. Then its handler runs again from the
   * beginning, and this call returns at once.
   * @throws TaskSuspended, which ends this run of the handler; HoldfastError invalid_argument
   */
  sleep(duration: Duration, options?: SleepOptions): Promise<void>;
  /**
   * Waits for a signal with one of these events, and returns the oldest one, even if it came before this call. Returns
   * null if none came within `timeoutMs`. While it waits, the task needs no slot, lease or attempt, as in a sleep.
   * @throws TaskSuspended, which ends this run of the handler; HoldfastError invalid_argument
   */
  waitFor(events: string | readonly string[], options?: WaitForOptions): Promise<Signal | null>;
  /**
   * Enqueues another task into the same queue, once, and returns its result when it has completed; null if it has no
   * result. Meanwhile the calling task needs no slot, lease or attempt, as in a sleep. If the calling task is cancelled
   * or dies, the called one is not stopped.
   * @throws CallFailed if the task ended without completing: the next attempt checks again, so the caller succeeds
   * after a replay of the called task; TaskSuspended, which ends this run of the handler; HoldfastError invalid_*,
   * payload_too_large, queue_full, key_full
   */
  // biome-ignore lint/suspicious/noExplicitAny: what is in a result is the business of the handlers
  call(type: string, payload: unknown, options?: CallOptions): Promise<any>;
}

/**
 * Runs a task. The value that it returns is stored as the result: as JSON, or as the exact text of a `JsonText`. A
 * result of more than 65,536 bytes is not stored, and an `error` event says so. A value without a JSON form (a BigInt,
 * a circular object) sends the task to the dead letters. If the handler throws, the attempt has failed.
 */
export type Handler = (task: HandlerTask, ctx: HandlerContext) => unknown;

/**
 * Computes the wait between failed attempt `attempt` (counted from 1) and the next one, ms, 0 or more. Null: there is
 * no other attempt, and the task is given up now. If the function throws or returns anything else, the default backoff
 * is used, and an `error` event says so.
 */
export type BackoffFunction = (attempt: number, error: unknown, task: HandlerTask) => number | null;

/**
 * Returns whether an error counts as a failure. With false, the attempt is refunded and the task waits by its backoff.
 * One task gets 100 such refunds; after that, each error counts. If the function throws, the error counts, and an
 * `error` event says so.
 */
export type IsFailure = (error: unknown, task: HandlerTask) => boolean;

/**
 * A handler with options for its tasks in this worker. The options of the task itself come first, then these options,
 * then those of the worker. If several entries match a type, only the most exact one is used.
 */
export interface HandlerOptions {
  /** Runs the tasks. */
  handler: Handler;
  /** Retries of tasks that do not set maxRetries, 0 to 100. @default the maxRetries of the worker */
  maxRetries?: number | undefined;
  /** Time-out of an attempt, for tasks that do not set one. Milliseconds, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /**
   * Makes the `expiresAt` of a task a deadline: an attempt that runs at that time is aborted and fails as timed out,
   * and a retry finds the task expired. Without this option such an attempt continues, but no other attempt begins.
   * @default the option of the worker
   */
  abortAtExpiry?: boolean | undefined;
  /**
   * Wait before a retry, for tasks without a backoff: an object, or a function of attempt, error and task. @default the
   * backoff of the worker
   */
  backoff?: Backoff | BackoffFunction | undefined;
  /** Whether an error costs the task an attempt. @default the isFailure of the worker */
  isFailure?: IsFailure | undefined;
  /**
   * Whether a task that has used up its attempts, or met a FatalError, goes to the dead letters. With false it ends as
   * cancelled, with its errors in its history. A task whose worker crashes too often becomes a dead letter in any case.
   * @default true
   */
  deadLetter?: boolean | undefined;
  /**
   * How many tasks of this entry the worker runs at the same time, 1 to 5_000. Further tasks are left to other workers.
   * @default no limit
   */
  concurrency?: number | undefined;
}

/**
 * The handlers of a worker, by the types that they run: a task type, the beginning of types followed by a star
 * (`email.*`), or `*` for all types. The most exact handler runs a task.
 */
export type Handlers = Readonly<Record<string, Handler | HandlerOptions>>;
