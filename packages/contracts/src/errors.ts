import { LIMITS } from "./limits.ts";

/** All codes of Holdfast errors, with the HTTP status of each. */
export const ERROR_STATUS = {
  invalid_argument: 422,
  invalid_queue_name: 422,
  invalid_task_id: 422,
  invalid_task_type: 422,
  invalid_cursor: 400,
  invalid_json: 400,
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  task_not_found: 404,
  queue_not_found: 404,
  conflict: 409,
  task_conflict: 409,
  unique_conflict: 409,
  too_late: 409,
  not_waiting: 409,
  queue_not_paused: 409,
  queue_busy: 409,
  events_off: 409,
  task_not_kept: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  payload_too_deep: 422,
  durability_unavailable: 422,
  queue_full: 429,
  key_full: 429,
  rate_limited: 429,
  internal: 500,
  redis_out_of_memory: 503,
  redis_read_only: 503,
  redis_unavailable: 503,
  redis_refused: 503,
  redis_unsupported: 503,
  outcome_unknown: 503,
  layout_too_new: 503,
  heartbeat_failed: 503,
  closed: 503,
} as const;

/** Says what has happened. The codes do not change; the messages may change. */
export type ErrorCode = keyof typeof ERROR_STATUS;

export interface HoldfastErrorOptions {
  cause?: unknown;
  /** The id of the task that the error is about. If the call is repeated, use the same id. */
  taskId?: string;
  /** The id of the task that holds the unique key, with `unique_conflict`. */
  heldBy?: string;
  /** How long to wait before the call is repeated, ms. */
  retryAfterMs?: number;
  /** The name of the wrong argument in the call, such as `timeZone`. */
  field?: string;
}

/** The error that every part of Holdfast throws. Expected outcomes are returned as values instead. */
export class HoldfastError extends Error {
  /** What happened: one word that does not change, such as `queue_full`. */
  readonly code: ErrorCode;
  /** The id of the task that the error is about. With `outcome_unknown`: repeat the enqueue with this id. */
  readonly taskId: string | undefined;
  /** With `unique_conflict`: the id of the task that holds the unique key. */
  readonly heldBy: string | undefined;
  /** How long to wait before the call is repeated, ms; undefined if no time is known. */
  readonly retryAfterMs: number | undefined;
  /** The option or field that was refused; undefined if the error is about none. */
  readonly field: string | undefined;

  constructor(code: ErrorCode, message: string, options: HoldfastErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "HoldfastError";
    this.code = code;
    this.taskId = options.taskId;
    this.heldBy = options.heldBy;
    this.retryAfterMs = options.retryAfterMs;
    this.field = options.field;
  }
}

/**
 * Turns anything that was thrown into a HoldfastError. Unknown values get the code `internal`, with the value as cause.
 */
export function asHoldfastError(error: unknown): HoldfastError {
  let message = "something was thrown that cannot be read";
  try {
    if (error instanceof HoldfastError) return error;
    message = error instanceof Error ? error.message : String(error);
  } catch {
    // Reading the value may throw again, for example if it is a revoked proxy.
  }
  return new HoldfastError("internal", message, { cause: error });
}

/**
 * The property that tells a worker how to treat an error that a handler throws. It is on the prototype, so subclasses
 * have it too. The symbol is registered, because the handler may use another copy of this package.
 */
export const ERROR_MEANING = Symbol.for("holdfast.meaning");

/**
 * Thrown by a handler if no retry can help: the task becomes a dead letter at once. The same holds for a subclass, and
 * for an error with a FatalError among its causes.
 */
export class FatalError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FatalError";
  }

  get [ERROR_MEANING](): "fatal" {
    return "fatal";
  }
}

/**
 * Thrown by a handler if its task is no longer needed, such as a reminder for a closed account. The task ends as
 * cancelled, with the message in its history, without a retry or a dead letter. The same holds for a subclass, and for
 * an error with a CancelTask among its causes.
 */
export class CancelTask extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CancelTask";
  }

  get [ERROR_MEANING](): "cancel" {
    return "cancel";
  }
}

/**
 * Thrown by a handler that knows when a retry makes sense. The attempt counts as failed, so the task becomes a dead
 * letter when its attempts are used up. The same holds for a subclass, and for an error with a RetryAfter among its
 * causes.
 */
export class RetryAfter extends Error {
  /** The wait before the next attempt, ms, 0 or more. */
  readonly delayMs: number;

  get [ERROR_MEANING](): "retry_after" {
    return "retry_after";
  }

  constructor(delayMs: number, message = `retry after ${delayMs} ms`, options?: ErrorOptions) {
    super(message, options);
    this.name = "RetryAfter";
    if (!Number.isFinite(delayMs) || delayMs < 0) {
      throw new HoldfastError("invalid_argument", `RetryAfter: delayMs must be 0 or more, got ${delayMs}`);
    }
    this.delayMs = delayMs;
  }
}

/**
 * Thrown by a handler if its task has to run later, because something is not ready yet. The attempt is refunded, and
 * the task runs again after the given time. A task may be postponed 100 times; after that, each Postpone counts as a
 * failure. The same holds for a subclass, and for an error with a Postpone among its causes.
 */
export class Postpone extends Error {
  /** The wait before the next attempt, ms, 1 to 365 days. */
  readonly delayMs: number;

  get [ERROR_MEANING](): "postpone" {
    return "postpone";
  }

  /** @param delayMs the wait before the next attempt, ms @throws HoldfastError invalid_argument */
  constructor(delayMs: number, message = `postponed for ${delayMs} ms`, options?: ErrorOptions) {
    super(message, options);
    this.name = "Postpone";
    if (!Number.isFinite(delayMs) || delayMs < 1 || delayMs > LIMITS.delayMs)
      throw new HoldfastError(
        "invalid_argument",
        `Postpone: delayMs must be 1 to ${LIMITS.delayMs}, got ${delayMs}`,
      );
    this.delayMs = delayMs;
  }
}

/** The tasks that a `RateLimited` can hold: those of the same key, the same type or the same queue. */
export const HOLD_SCOPES = ["key", "type", "queue"] as const;

/** The tasks that a `RateLimited` can hold: those of the same key, the same type or the same queue. */
export type HoldScope = (typeof HOLD_SCOPES)[number];

/** Options of a `RateLimited`. */
export interface RateLimitedOptions extends ErrorOptions {
  /** Which tasks are held. @default "key" if the task has a key, otherwise "queue" */
  scope?: HoldScope | undefined;
}

/**
 * Thrown by a handler that met a rate limit, such as an HTTP 429. The attempt is refunded, and the task goes back to
 * the head of its queue. For `holdMs`, no task of the same key, type or queue (`scope`) starts. If this happens to one
 * task more than 100 times, it becomes a dead letter. The same holds for a subclass, and for an error with a
 * RateLimited among its causes.
 */
export class RateLimited extends Error {
  /** For how long no such task starts, ms, 1 to 86,400,000. */
  readonly holdMs: number;
  /** Which tasks are held: those of the same key, type or queue. For a task without a key, "key" holds its queue. */
  readonly scope: HoldScope;

  get [ERROR_MEANING](): "rate_limited" {
    return "rate_limited";
  }

  /** @param holdMs for how long no such task starts, ms @throws HoldfastError invalid_argument */
  constructor(holdMs: number, options: RateLimitedOptions = {}) {
    const { scope = "key", ...rest } = options;
    super(`rate-limited for ${holdMs} ms`, rest);
    this.name = "RateLimited";
    if (!Number.isFinite(holdMs) || holdMs < 1 || holdMs > MAX_HOLD_MS)
      throw new HoldfastError(
        "invalid_argument",
        `RateLimited: holdMs must be 1 to ${MAX_HOLD_MS}, got ${holdMs}`,
      );
    if (!HOLD_SCOPES.includes(scope))
      throw new HoldfastError(
        "invalid_argument",
        `RateLimited: scope must be "key", "type" or "queue", got ${String(scope)}`,
      );
    this.holdMs = holdMs;
    this.scope = scope;
  }
}

const MAX_HOLD_MS = 86_400_000;
