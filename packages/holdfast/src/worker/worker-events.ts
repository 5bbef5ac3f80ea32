import type { DeadReason, HoldfastError, StaleVerdict } from "@holdfast/contracts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import { isSampled, traceIdOf } from "../tracing/trace-context.ts";
import type { RunningTask } from "./running-task.ts";

/** How an attempt ended, after Redis has confirmed it. */
export interface SettledEvent {
  /** The task; `enqueuedAt` in ms since the epoch. */
  task: { id: string; type: string; queue: string; enqueuedAt: number };
  /** What became of the task. "expired": its `expiresAt` had passed, so no attempt began. */
  outcome: VerdictOutcome | "expired";
  /** The number of the attempt, from 1. */
  attempt: number;
  /** The token of the attempt; missing if the outcome is "expired". */
  token?: string;
  /** The time from the enqueue to the grant, ms. It is not exact, because two clocks measure it. */
  waitMs: number;
  /** How long the attempt ran, ms. */
  runMs: number;
  /** The trace of the task, if it is sampled. */
  traceId?: string;
  /** What the handler threw; missing without an error. */
  error?: unknown;
  /** The reason, if the outcome is "dead". */
  deadReason?: DeadReason;
}

/** The reason that a dead letter gets, by the verdict that ended its task. */
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

/** Returns the reason of the dead letter that this verdict has made. */
export const deadReasonOf = (verdict: Verdict): DeadReason => DEAD_REASONS[verdict.kind];

/** The events of a `Worker`, each with its arguments. */
export interface WorkerEvents {
  /** An attempt has ended, and Redis has confirmed it. */
  settled: [SettledEvent];
  /** A verdict came too late. Emitted after "settled", when the ledger of stale verdicts has it. */
  stale: [StaleVerdict];
  /** An error. The worker continues, except after `heartbeat_failed`, which stops the worker. */
  error: [HoldfastError];
  /**
   * An operator told the worker to drain or to resume. A worker that drains hands back the tasks that it has not begun,
   * and lets the running tasks end.
   */
  drain: [{ draining: boolean }];
  /** Heartbeats have renewed `count` leases, or learned that they are lost or that their tasks are to stop. */
  renewal: [{ outcome: "renewed" | "lost" | "cancelled"; count: number }];
}

/**
 * @param clocks the time of the answer that settled the task, by the monotonic clock and by the clock of Redis, ms
 */
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
