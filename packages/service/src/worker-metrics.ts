import { DEAD_REASONS } from "@holdfast/contracts";
import type { SettledEvent, StaleVerdict, Worker, WorkerEvents } from "holdfast";
import type { Gauge } from "prom-client";
import {
  LabelCap,
  OTHER,
  RUN_BUCKETS_SECONDS,
  type ServiceMetrics,
  WAIT_BUCKETS_SECONDS,
} from "./metrics.ts";

/** The result of one heartbeat for one lease. */
interface Renewal {
  outcome: "renewed" | "lost" | "cancelled";
  count: number;
}

const OUTCOMES = [
  "acked",
  "retried",
  "dead",
  "released",
  "cancelled",
  "expired",
  "stale",
  "unknown",
] as const satisfies SettledEvent["outcome"][];
/** The series of run times exist for these outcomes from the start of the process. */
const RUN_OUTCOMES = ["acked", "retried", "dead"] as const;
/** Each pair of queue and type has up to 180 series. In further pairs, the type is `__other__`. */
const PAIRS = 64;
// A crashed worker cannot count the task that killed it. The janitor counts these tasks, with the reason
// `crashes_exhausted`.
const REASONS = DEAD_REASONS.filter((reason) => reason !== "crashes_exhausted");

/** An object that emits the events of attempts: a worker, or the remote workers of a service. */
export interface AttemptSource {
  on<Name extends "settled" | "stale" | "renewal">(
    name: Name,
    listener: (...told: WorkerEvents[Name]) => void,
  ): unknown;
}

/** A worker, with the queues and types that get series from the start, at zero. */
export interface Observed<Source = AttemptSource> {
  worker: Source;
  queues: readonly string[];
  types: readonly string[];
}

/** Turns the events and the slots of the workers of a process into its metrics. */
export function observeWorkers(
  workers: readonly Observed<Pick<Worker, "on" | "slots" | "busy">>[],
  metrics: ServiceMetrics,
): void {
  // The slots belong to the worker, so all its queues share one series. If several workers have the same queues,
  // their slots are added up.
  const addUp = (gauge: Gauge<"queue">, count: "slots" | "busy") => {
    gauge.reset();
    for (const { worker, queues } of workers) gauge.inc({ queue: queues.join(",") }, worker[count]);
  };
  metrics.gauge("worker_slots", "Tasks that this process can run at a time.", ["queue"], (gauge) =>
    addUp(gauge, "slots"),
  );
  metrics.gauge("worker_slots_busy", "Tasks that this process runs now.", ["queue"], (gauge) =>
    addUp(gauge, "busy"),
  );
  observeAttempts(workers, metrics);
}

/**
 * Turns the events of attempts into metrics. Series that are known beforehand start at zero, so that `rate` sees the
 * first increase.
 */
export function observeAttempts(workers: readonly Observed[], metrics: ServiceMetrics): void {
  const attempts = metrics.counter("task_attempts_total", "Settled attempts.", ["queue", "type", "outcome"]);
  const retried = metrics.counter("tasks_retried_total", "Attempts that are followed by a retry.", [
    "queue",
    "type",
    "reason",
  ]);
  const dead = metrics.counter("tasks_dead_lettered_total", "Tasks put into the dead letters.", [
    "queue",
    "type",
    "reason",
  ]);
  const wait = metrics.histogram(
    "task_wait_seconds",
    "Seconds from enqueue to acquire.",
    ["queue", "type"],
    WAIT_BUCKETS_SECONDS,
  );
  const run = metrics.histogram(
    "task_run_seconds",
    "Run time of a handler.",
    ["queue", "type", "outcome"],
    RUN_BUCKETS_SECONDS,
  );
  const renewals = metrics.counter("lease_renewals_total", "Leases that heartbeats asked to renew.", [
    "outcome",
  ]);
  const stale = metrics.counter(
    "stale_verdicts_total",
    "Settles that were refused because the lease had been lost.",
    ["queue", "op"],
  );
  const overlap = metrics.histogram(
    "overlap_seconds",
    "How long an attempt that had lost its lease ran at the same time as the next attempt.",
    ["queue", "op"],
    RUN_BUCKETS_SECONDS,
  );
  const pairs = new LabelCap(PAIRS);
  const labelsOf = (queueName: string, typeName: string) => {
    const queue = metrics.queueLabel(queueName);
    const type = metrics.typeLabel(typeName);
    return { queue, type: pairs.value(`${queue}\n${type}`) === OTHER ? OTHER : type };
  };

  for (const outcome of ["renewed", "lost", "cancelled"] as const) renewals.inc({ outcome }, 0);
  const begin = ({ queues, types }: Observed) => {
    for (const name of queues) {
      const queue = metrics.queueLabel(name);
      stale.inc({ queue, op: "settle" }, 0);
      overlap.zero({ queue, op: "settle" });
      for (const typeName of types) {
        const labels = labelsOf(name, typeName);
        for (const outcome of OUTCOMES) attempts.inc({ ...labels, outcome }, 0);
        for (const reason of REASONS) dead.inc({ ...labels, reason }, 0);
        retried.inc({ ...labels, reason: "failed" }, 0);
        wait.zero(labels);
        for (const outcome of RUN_OUTCOMES) run.zero({ ...labels, outcome });
      }
    }
  };

  for (const observed of workers) {
    begin(observed);
    const { worker } = observed;
    worker.on("settled", ({ task, outcome, waitMs, runMs, deadReason, traceId }: SettledEvent) => {
      const labels = labelsOf(task.queue, task.type);
      attempts.inc({ ...labels, outcome });
      if (outcome === "retried") retried.inc({ ...labels, reason: "failed" });
      if (outcome === "dead") dead.inc({ ...labels, reason: deadReason ?? "retries_exhausted" });
      if (outcome === "stale") stale.inc({ queue: labels.queue, op: "settle" });
      wait.observe(labels, waitMs / 1_000, traceId);
      // An expired task never ran, so it has no run time.
      if (outcome !== "expired") run.observe({ ...labels, outcome }, runMs / 1_000, traceId);
    });
    worker.on("stale", (verdict: StaleVerdict) =>
      overlap.observe({ queue: metrics.queueLabel(verdict.queue), op: "settle" }, verdict.overlapMs / 1_000),
    );
    worker.on("renewal", ({ outcome, count }: Renewal) => renewals.inc({ outcome }, count));
  }
}
