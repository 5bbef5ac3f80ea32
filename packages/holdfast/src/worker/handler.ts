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

/** A task as its handler gets it: a plain object with these properties and no others. */
// biome-ignore lint/suspicious/noExplicitAny: what is in a payload is the business of producer and handler (defineTask types it)
export interface HandlerTask<Payload = any> {
  /** The id of the task: the same in every attempt. */
  readonly id: string;
  /** The type of the task. */
  readonly type: string;
  /** The name of the queue that the task is in. */
  readonly queue: string;
  /** The payload. The JSON is parsed when the property is first read. */
  readonly payload: Payload;
  /** The payload as the exact JSON text that was enqueued. */
  readonly payloadText: string;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /** When the task was enqueued, by the clock of Redis. Milliseconds since the epoch. */
  readonly enqueuedAt: number;
  /** The tags that were given to the enqueue; an empty array if there are none. */
  readonly tags: readonly string[];
  /** The schedule that enqueued the task, with number and time of the occurrence; null if there is none. */
  readonly schedule: Readonly<TaskSchedule> | null;
}

/** Options of `ctx.log`. */
export interface LogOptions {
  /** The severity of the line. @default "info" */
  level?: LogLevel | undefined;
}

/** A plain object. Its functions need no `this`: `(task, { progress, log }) => …` */
export interface HandlerContext {
  /** Aborted if the lease is lost, a cancel was requested, the time-out passed, or the `graceMs` of a stop is over. */
  readonly signal: AbortSignal;
  /** The number of this attempt, from 1. */
  readonly attempt: number;
  /**
   * The token of the lease: `<grant>-<nonce>.<place>`. A later lease of the task has a larger `grant`, so a store can
   * compare these numbers to refuse writes of an outdated attempt (a fencing token).
   */
  readonly token: string;
  /** The trace id of the task, 32 hex digits, for log lines. Null if the task has no trace. */
  readonly traceId: string | null;
  /** W3C Trace Context for calls of the handler: the span of a traced attempt, otherwise the context of the enqueue. */
  readonly traceparent: string | null;
  /**
   * Stores how far the attempt is: any JSON value of at most 8,192 bytes. The call is ignored when the attempt is over
   * or its lease is lost. It never rejects: if the value cannot be stored or Redis cannot be reached, the worker emits
   * an `error` event with the id of the task.
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
   * Reads the checkpoint that this attempt or an earlier one stored last; undefined if there is none.
   * @throws HoldfastError redis_unavailable
   */
  // biome-ignore lint/suspicious/noExplicitAny: only the handler knows the type of its checkpoint
  readCheckpoint(): Promise<any>;
  /**
   * Adds a line to the log of the task. Redis keeps the last 50 lines. A line of more than 1,024 characters is cut and
   * marked as cut. The call never rejects: failures are `error` events of the worker.
   */
  log(line: string, options?: LogOptions): Promise<void>;
  /** The flow to which the task belongs, as a node or as a callback (docs/flows.md); null if it belongs to none. */
  readonly flow: TaskFlowContext | null;
  /**
   * Yields the nodes that this node comes `after`, with their results, reading them page by page. In a callback of a
   * flow it yields all nodes of the flow. For a task without a flow it yields nothing.
   * @throws HoldfastError invalid_argument, redis_unavailable
   */
  children(options?: ChildrenOptions): AsyncGenerator<FlowChild>;
  /**
   * Runs a function and stores its result in Redis before the call resolves. A later attempt gets the stored result,
   * and the function does not run again. Steps are recognised by name; the second step with the same name is called
   * `name#2`, and so on. The result always goes through JSON, in the first attempt too.
   * @throws the error of the function; HoldfastError payload_too_large for a result of more than 262,144 bytes, a task
   * with more than 1,000 steps, or with more than 4 MiB in its steps; conflict if the lease is lost
   */
  step<Result>(name: string, run: () => Result, options?: StepOptions): Promise<Awaited<Result>>;
  /**
   * Sleeps for a time: milliseconds, or a text such as "3d"; at most 365 days. A sleep of more than one second ends the
   * attempt, and the sleeping task uses no slot, lease or attempt. After the sleep the handler runs again from its
   * beginning, and this call then returns at once.
   * @throws TaskSuspended, which ends this run of the handler; HoldfastError invalid_argument
   */
  sleep(duration: Duration, options?: SleepOptions): Promise<void>;
  /**
   * Waits for a signal with one of these event names, and returns the oldest one, even if it came before this call.
   * Returns null if none came within `timeoutMs`. The waiting task uses no slot, lease or attempt: its handler runs
   * again from the beginning when the signal comes.
   * @throws TaskSuspended, which ends this run of the handler; HoldfastError invalid_argument
   */
  waitFor(events: string | readonly string[], options?: WaitForOptions): Promise<Signal | null>;
  /**
   * Enqueues another task into the same queue once, waits until it has completed, and returns its result; null if there
   * is no result. The waiting task uses no slot, lease or attempt. If the waiting task is cancelled or dies, the called
   * task continues.
   * @throws CallFailed if the called task ended without completing; the next attempt checks again, so a replay of the
   * called task helps. TaskSuspended, which ends this run of the handler; HoldfastError invalid_*, payload_too_large,
   * queue_full, key_full
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
 * Computes the wait after failed attempt number `attempt` (from 1) until the next one, ms, 0 or more. Null means: do
 * not retry, give the task up now. If the function throws or returns anything else, the default backoff is used, and an
 * `error` event says so.
 */
export type BackoffFunction = (attempt: number, error: unknown, task: HandlerTask) => number | null;

/**
 * Returns whether an error counts as a failure. If not, the attempt is refunded and the task is retried after its
 * backoff. One task gets at most 100 such refunds; after that, each error counts. If the function throws, the error
 * counts, and an `error` event says so.
 */
export type IsFailure = (error: unknown, task: HandlerTask) => boolean;

/**
 * A handler with options. An option of the task itself has precedence over these options, and these options over those
 * of the worker. If several entries match a type, only the most exact one is used.
 */
export interface HandlerOptions {
  /** The function that runs a task, or a `batch`. */
  handler: Handler;
  /** How often a task without its own maxRetries is retried, 0 to 100. @default the maxRetries of the worker */
  maxRetries?: number | undefined;
  /** Time-out of an attempt, for tasks that do not set one. Milliseconds, 1 to 86_400_000. @default 1_800_000 */
  timeoutMs?: number | undefined;
  /**
   * Whether `expiresAt` ends running attempts too. With true, an attempt that runs at that time is aborted and fails as
   * timed out, and the task then ends as expired. With false, a running attempt continues, but no other attempt begins.
   * @default the option of the worker
   */
  abortAtExpiry?: boolean | undefined;
  /**
   * The wait before a retry, for tasks without a backoff of their own: an object, or a function of attempt, error and
   * task. @default the backoff of the worker
   */
  backoff?: Backoff | BackoffFunction | undefined;
  /** Decides whether an error costs the task an attempt. @default the isFailure of the worker */
  isFailure?: IsFailure | undefined;
  /**
   * Whether a task whose attempts are used up, or that failed with a FatalError, becomes a dead letter. With false the
   * task ends as cancelled, with its errors in its history. A task that crashed its workers too often becomes a dead
   * letter in any case. @default true
   */
  deadLetter?: boolean | undefined;
  /**
   * How many tasks of this handler the worker runs at the same time, 1 to 5_000. More tasks are left to other workers.
   * @default no limit
   */
  concurrency?: number | undefined;
}

/**
 * The handlers of a worker, by the types that they run: a task type, the beginning of types followed by a star
 * (`email.*`), or `*` for all types. The most exact handler runs a task.
 */
export type Handlers = Readonly<Record<string, Handler | HandlerOptions>>;
