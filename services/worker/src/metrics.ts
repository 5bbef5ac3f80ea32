import { observeAttempts, type ServiceMetrics } from "@holdfast/service";
import type { Worker } from "holdfast";

/** Turns the events and slots of the worker into its metrics. */
export function observeWorker(
  worker: Pick<Worker, "on" | "slots" | "busy">,
  metrics: ServiceMetrics,
  queues: string[],
  types: string[],
): void {
  // Slots belong to the process, so all its queues share one series.
  const shared = queues.join(",");
  metrics.gauge("worker_slots", "Tasks that this process can run at a time.", ["queue"], (gauge) =>
    gauge.set({ queue: shared }, worker.slots),
  );
  metrics.gauge("worker_slots_busy", "Tasks that this process runs now.", ["queue"], (gauge) =>
    gauge.set({ queue: shared }, worker.busy),
  );

  observeAttempts(worker, metrics, queues, types);
}
