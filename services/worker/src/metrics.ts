import { RUN_BUCKETS_SECONDS, type ServiceMetrics, WAIT_BUCKETS_SECONDS } from "@holdfast/service";
import { DEAD_REASONS, type SettledEvent, type StaleVerdict, type Worker } from "holdfast";

/** What the worker says of an attempt that it has settled. */
export interface Renewal {
  outcome: "renewed" | "lost" | "cancelled";
  count: number;
}

const OUTCOMES = ["acked", "retried", "dead", "released"] as const;
// A worker never sees the end of a task that crashes it: the janitor counts that one.
const REASONS = DEAD_REASONS.filter((reason) => reason !== "crashes_exhausted");

/** Turns the events of the worker into its metrics; known series start at zero, so that rates see the first step. */
export function observeWorker(
  worker: Pick<Worker, "on" | "slots" | "busy">,
  metrics: ServiceMetrics,
  queues: string[],
  types: string[],
): void {
  const attempts = metrics.counter("task_attempts_total", "Attempts that were settled.", [
    "queue",
    "type",
    "outcome",
  ]);
  const retried = metrics.counter("tasks_retried_total", "Attempts that a retry follows.", [
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
    "From the enqueue to the acquire.",
    ["queue", "type"],
    WAIT_BUCKETS_SECONDS,
  );
  const run = metrics.histogram(
    "task_run_seconds",
    "Run time of a handler.",
    ["queue", "type", "outcome"],
    RUN_BUCKETS_SECONDS,
  );
  const renewals = metrics.counter("lease_renewals_total", "Leases that a heartbeat asked for.", ["outcome"]);
  const stale = metrics.counter("stale_verdicts_total", "Settles refused, since the lease had gone.", [
    "queue",
    "op",
  ]);
  const overlap = metrics.histogram(
    "overlap_seconds",
    "How long an attempt whose lease had gone ran beside the next one.",
    ["queue"],
    RUN_BUCKETS_SECONDS,
  );
  // Slots belong to the process; where it works on several queues they share one series.
  const shared = queues.join(",");
  metrics.gauge("worker_slots", "Tasks that this process can run at a time.", ["queue"], (gauge) =>
    gauge.set({ queue: shared }, worker.slots),
  );
  metrics.gauge("worker_slots_busy", "Tasks that this process runs now.", ["queue"], (gauge) =>
    gauge.set({ queue: shared }, worker.busy),
  );

  for (const outcome of ["renewed", "lost", "cancelled"] as const) renewals.inc({ outcome }, 0);
  for (const name of queues) {
    const queue = metrics.queueLabel(name);
    stale.inc({ queue, op: "settle" }, 0);
    for (const typeName of types) {
      const type = metrics.typeLabel(typeName);
      for (const outcome of OUTCOMES) attempts.inc({ queue, type, outcome }, 0);
      for (const reason of REASONS) dead.inc({ queue, type, reason }, 0);
      retried.inc({ queue, type, reason: "failed" }, 0);
    }
  }

  worker.on("settled", ({ task, outcome, waitMs, runMs, deadReason }: SettledEvent) => {
    const queue = metrics.queueLabel(task.queue);
    const type = metrics.typeLabel(task.type);
    attempts.inc({ queue, type, outcome });
    if (outcome === "retried") retried.inc({ queue, type, reason: "failed" });
    if (outcome === "dead") dead.inc({ queue, type, reason: deadReason ?? "retries_exhausted" });
    if (outcome === "stale") stale.inc({ queue, op: "settle" });
    wait.observe({ queue, type }, waitMs / 1_000);
    run.observe({ queue, type, outcome }, runMs / 1_000);
  });
  worker.on("stale", (verdict: StaleVerdict) =>
    overlap.observe({ queue: metrics.queueLabel(verdict.queue) }, verdict.overlapMs / 1_000),
  );
  worker.on("renewal", ({ outcome, count }: Renewal) => renewals.inc({ outcome }, count));
}
