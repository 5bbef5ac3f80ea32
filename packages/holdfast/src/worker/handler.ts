import type { HandlerOptions } from "./handler-options.ts";

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
 * The handlers of a worker. The name of each is a task type, the beginning of types with a star behind it (`email.*`), or `*` for all types; the
 * most exact one runs a task.
 */
export type Handlers = Readonly<Record<string, Handler | HandlerOptions>>;
