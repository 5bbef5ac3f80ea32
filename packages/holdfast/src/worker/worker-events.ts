import type { DeadReason, HoldfastError, StaleVerdict } from "@holdfast/contracts";
import type { Verdict, VerdictOutcome } from "../engine/engine.ts";
import { isSampled, traceIdOf } from "../tracing/trace-context.ts";
import type { RunningTask } from "./running-task.ts";

export interface SettledEvent {
  task: { id: string; type: string; queue: string; enqueuedAt: number };
  outcome: VerdictOutcome | "expired";
  attempt: number;
  /** From the enqueue to the grant, ms: by two clocks, so a little off. */
  waitMs: number;
  runMs: number;
  /** Its trace, if that is kept. */
  traceId?: string;
  error?: unknown;
  /** With outcome "dead". */
  deadReason?: DeadReason;
}

/** The end of the task that a verdict caused. */
const DEAD_REASONS: Record<Verdict["kind"], DeadReason> = {
  ack: "retries_exhausted",
  fail: "retries_exhausted",
  fatal: "fatal",
  quarantine: "undecodable",
  release: "releases_exhausted",
  unstarted: "releases_exhausted",
  unrouted: "no_handler",
};

export interface WorkerEvents {
  /** An attempt is over and Redis confirmed it. */
  settled: [SettledEvent];
  /** A verdict came too late, and the ledger has it: once it was written, after "settled". */
  stale: [StaleVerdict];
  /** An error after which the worker continues. Only after `heartbeat_failed`, once it has started, it stops. */
  error: [HoldfastError];
  /**
   * An operator has asked the worker to drain or to resume. To drain, it hands back the tasks that it has not begun, and lets
   * the others end.
   */
  drain: [{ draining: boolean }];
  renewal: [{ outcome: "renewed" | "lost" | "cancelled"; count: number }];
}

/**
 * @param clocks of the answer that settled the task: monotonic, ms, and by the clock of Redis. Tasks that were settled together
 * have the same.
 */
export function settledEvent(
  task: RunningTask,
  outcome: VerdictOutcome,
  verdict: Verdict,
  error: unknown,
  clocks: { turnMs: number; turnAt: number },
): SettledEvent {
  const { id, type, queue, enqueuedAt, attempt, traceparent } = task;
  const runMs = clocks.turnMs - task.startedAtMs;
  const waitMs = Math.max(0, clocks.turnAt - runMs - enqueuedAt);
  const settled: SettledEvent = { task: { id, type, queue, enqueuedAt }, outcome, attempt, waitMs, runMs };
  if (traceparent !== null && isSampled(traceparent)) settled.traceId = traceIdOf(traceparent);
  if (outcome === "dead") settled.deadReason = DEAD_REASONS[verdict.kind];
  if (error !== undefined) settled.error = error;
  return settled;
}
