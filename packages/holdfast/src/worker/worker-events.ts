import type { DeadReason, HoldfastError, StaleVerdict } from "@holdfast/contracts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import { isSampled, traceIdOf } from "../tracing/trace-context.ts";
import type { RunningTask } from "./running-task.ts";

/** Says how an attempt ended. Emitted after Redis has confirmed it. */
export interface SettledEvent {
  /** `enqueuedAt` is in milliseconds since the epoch. */
  task: { id: string; type: string; queue: string; enqueuedAt: number };
  /** The new state of the task. "expired": its `expiresAt` had passed, so no attempt began. */
  outcome: VerdictOutcome | "expired";
  /** The number of the attempt, from 1. */
  attempt: number;
  /** The token of the lease; missing if the outcome is "expired". */
  token?: string;
  /** The time from the enqueue to the grant, ms. Two clocks measure it, so it is not exact. */
  waitMs: number;
  /** How long the attempt ran, ms. */
  runMs: number;
  /** The trace id of the task, if its trace is sampled. */
  traceId?: string;
  /** The error that the handler threw; missing if it threw none. */
  error?: unknown;
  /** Why the task is a dead letter, if the outcome is "dead". */
  deadReason?: DeadReason;
}

/** The reason of a dead letter, by the kind of verdict with which the worker ended its last attempt. */
const DEAD_REASONS: Record<Verdict["kind"], DeadReason> = {
  ack: "retries_exhausted",
  fail: "retries_exhausted",
  fatal: "fatal",
  cancel: "fatal",
  drop: "retries_exhausted",
  excuse: "retries_exhausted",
  quarantine: "undecodable",
  release: "releases_exhausted",
  suspend: "releases_exhausted",
  unstarted: "releases_exhausted",
  limited: "rate_limited_too_often",
  unrouted: "no_handler",
};

/** Returns the reason of the dead letter that this verdict has caused. */
export const deadReasonOf = (verdict: Verdict): DeadReason => DEAD_REASONS[verdict.kind];

/** The events of a `Worker`, each with its arguments. */
export interface WorkerEvents {
  /** Emitted when an attempt has ended and Redis has confirmed it. */
  settled: [SettledEvent];
  /** The worker settled a task whose lease it had lost, so Redis ignored it. Emitted after "settled". */
  stale: [StaleVerdict];
  /** The worker continues after an error, except after `heartbeat_failed`, which stops the worker. */
  error: [HoldfastError];
  /**
   * An operator told the worker to drain or to resume. A draining worker acquires no tasks, hands back the tasks that
   * it has not begun, and lets the running tasks end.
   */
  drain: [{ draining: boolean }];
  /** A heartbeat has renewed `count` leases, or found that they are lost or that their tasks have to be cancelled. */
  renewal: [{ outcome: "renewed" | "lost" | "cancelled"; count: number }];
}

/** @param clocks when Redis answered the settle, by the monotonic clock and by the clock of Redis, ms */
export function settledEvent(
  task: RunningTask,
  outcome: VerdictOutcome,
  verdict: Verdict,
  error: unknown,
  clocks: { turnMs: number; turnAt: number },
): SettledEvent {
  const { id, type, queue, enqueuedAt, attempt, token, traceparent } = task;
  const runMs = clocks.turnMs - task.startedAtMs;
  const waitMs = Math.max(0, clocks.turnAt - runMs - enqueuedAt);
  const about = { id, type, queue, enqueuedAt };
  const settled: SettledEvent = { task: about, outcome, attempt, token, waitMs, runMs };
  if (traceparent !== null && isSampled(traceparent)) settled.traceId = traceIdOf(traceparent);
  if (outcome === "dead") settled.deadReason = deadReasonOf(verdict);
  if (error !== undefined) settled.error = error;
  return settled;
}
