import type { Backoff, HoldScope } from "@holdfast/contracts";
import { HoldfastError } from "@holdfast/contracts";
import { shown } from "../options/shape.ts";
import { thrownBy } from "../user-code.ts";
import { backoffDelayMs, DEFAULT_BACKOFF } from "./backoff.ts";
import type { BackoffFunction, HandlerTask, IsFailure } from "./handler.ts";
import { saneDelayMs, type Thrown } from "./thrown.ts";

/** The options that decide what happens after an attempt failed. */
export interface RetryPolicy {
  readonly maxRetries: number;
  readonly backoff: Backoff | BackoffFunction;
  readonly isFailure: IsFailure | undefined;
  /** Whether a task that is given up becomes a dead letter. If false, it ends as cancelled. */
  readonly deadLetter: boolean;
}

/** The data of a failed attempt that decide about the retry. */
export interface FailedAttempt {
  /** The number of the attempt, from 1. */
  attempt: number;
  error: unknown;
  /** The options that the enqueue gave to this task. */
  own: { backoff: Backoff | null; maxRetries: number | null };
  /** A random number from 0 to below 1. */
  random: number;
  task(): HandlerTask;
  /** Called if a function of the user throws or returns a wrong value. */
  onError(error: HoldfastError): void;
}

export type Judgement =
  | { kind: "fail" | "excuse"; delayMs: number }
  | { kind: "fatal" }
  | { kind: "cancel" }
  | { kind: "drop" }
  | { kind: "limited"; delayMs: number; scope: HoldScope };

/**
 * Returns what happens to a task whose handler threw. FatalError, CancelTask, RetryAfter, Postpone and RateLimited are
 * recognized by a symbol or by their name, also as causes of the error; the outermost one counts. For any other error
 * the policy decides.
 */
export function judge(thrown: Thrown, policy: RetryPolicy, failed: FailedAttempt): Judgement {
  const giveUp: Judgement = { kind: policy.deadLetter ? "fatal" : "drop" };
  const meaning = meant(thrown);
  if (meaning?.means === "fatal") return giveUp;
  if (meaning?.means === "cancel") return { kind: "cancel" };
  if (meaning?.means === "rate_limited")
    return { kind: "limited", delayMs: meaning.delayMs ?? 0, scope: meaning.scope ?? "key" };
  if (meaning?.means === "postpone") return { kind: "excuse", delayMs: Math.max(1, meaning.delayMs ?? 0) };
  const delayMs = meaning ? (meaning.delayMs ?? 0) : waitMs(policy, failed);
  if (delayMs === null) return giveUp;
  if (isExcused(policy, failed)) return { kind: "excuse", delayMs: Math.max(1, delayMs) };
  const isLast = failed.attempt > (failed.own.maxRetries ?? policy.maxRetries);
  return isLast && !policy.deadLetter ? giveUp : { kind: "fail", delayMs };
}

/** Returns the first of the thrown error and its causes that says what to do; undefined if none does. */
function meant(thrown: Thrown): Thrown | undefined {
  for (let at: Thrown | undefined = thrown; at; at = at.cause) if (at.means !== undefined) return at;
  return undefined;
}

/**
 * Returns whether an error of a batch handler is a RetryAfter, Postpone or RateLimited. Such an error says when to try
 * again, so it applies to every task of the batch, and no failing task is searched for.
 */
export function concernsAll(thrown: Thrown): boolean {
  const means = meant(thrown)?.means;
  return means === "retry_after" || means === "postpone" || means === "rate_limited";
}

/** Returns the wait before the next attempt, ms; null if there is none. Options of the task come before the policy. */
function waitMs({ backoff }: RetryPolicy, failed: FailedAttempt): number | null {
  const { attempt, own, random } = failed;
  if (typeof backoff === "function" && own.backoff === null) return computedWaitMs(backoff, failed);
  const merged = { ...(typeof backoff === "function" ? DEFAULT_BACKOFF : backoff), ...own.backoff };
  return saneDelayMs(backoffDelayMs(merged, attempt, random));
}

function computedWaitMs(backoff: BackoffFunction, failed: FailedAttempt): number | null {
  const { attempt, error, random, task, onError } = failed;
  try {
    const wait: unknown = backoff(attempt, error, task());
    if (wait === null) return null;
    if (typeof wait === "number" && wait >= 0) return saneDelayMs(wait);
    const message = `backoff has to return ms, 0 or more, or null for no other attempt, got ${shown(wait)}: the default backoff is used`;
    onError(new HoldfastError("invalid_argument", message, { taskId: task().id }));
  } catch (thrown) {
    onError(thrownBy("backoff", thrown));
  }
  return saneDelayMs(backoffDelayMs(DEFAULT_BACKOFF, attempt, random));
}

function isExcused({ isFailure }: RetryPolicy, { error, task, onError }: FailedAttempt): boolean {
  if (!isFailure) return false;
  try {
    const counts: unknown = isFailure(error, task());
    if (typeof counts === "boolean") return !counts;
    const message = `isFailure has to return true or false, got ${shown(counts)}: the error counts as a failure`;
    onError(new HoldfastError("invalid_argument", message, { taskId: task().id }));
  } catch (thrown) {
    onError(thrownBy("isFailure", thrown));
  }
  return false;
}
