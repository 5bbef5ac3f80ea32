import { TASK_STATES } from "@holdfast/contracts";
import type { ServiceMetrics } from "@holdfast/service";
import { createFlowGauges } from "./flow-gauges.ts";
import type { Sample } from "./sampler.ts";
import type { SeriesStore } from "./series.ts";

const WORKER_STATES = ["running", "paused", "draining", "drained", "stopped", "lost"] as const;
const REPLAYED_OUTCOMES = [
  "replayed",
  "moved",
  "not_dead",
  "not_found",
  "unique_conflict",
  "skipped",
] as const;

export interface Gauges {
  update(sample: Sample): void;
  setClients(count: number): void;
  countReplayed(queue: string, outcome: ReplayedOutcome, count: number): void;
}

/** The outcome `skipped` means that a filter selected the task, but the task was gone when the replay reached it. */
export type ReplayedOutcome = (typeof REPLAYED_OUTCOMES)[number];

/** Metrics of whole queues. Only this service exports them, because every worker would repeat each value. */
export function createGauges(metrics: ServiceMetrics, series: Pick<SeriesStore, "rates">): Gauges {
  const tasks = metrics.gauge("queue_tasks", "Tasks by state.", ["queue", "state"]);
  const suspended = metrics.gauge(
    "queue_suspended_tasks",
    "Scheduled tasks whose handler sleeps or waits for a signal. An estimate if more than 500 tasks are scheduled.",
    ["queue"],
  );
  const flows = metrics.gauge("queue_flows", "Flows that have not ended.", ["queue"]);
  const age = metrics.gauge("queue_oldest_pending_age_seconds", "Age of the oldest pending task.", ["queue"]);
  const flowAge = metrics.gauge(
    "queue_oldest_flow_age_seconds",
    "Age of the oldest flow that is sealed and has not ended.",
    ["queue"],
  );
  const paused = metrics.gauge("queue_paused", "1 while the queue is paused.", ["queue"]);
  const drain = metrics.gauge(
    "queue_drain_seconds",
    "pending / (completion rate - enqueue rate); +Inf while the queue does not shrink.",
    ["queue"],
  );
  const workers = metrics.gauge("workers", "Registered workers.", ["queue", "state"]);
  const clients = metrics.gauge("ws_clients", "Clients of the live stream.", []);
  const replayed = metrics.counter("dead_letters_replayed_total", "Replays of dead letters, by outcome.", [
    "queue",
    "outcome",
  ]);
  const flow = createFlowGauges(metrics);
  const ofQueues = [tasks, suspended, flows, age, flowAge, paused, drain, workers, ...flow.all];
  clients.set(0);

  return {
    update(sample) {
      metrics.setRedisUp(sample.redisUp);
      // All samples are removed first, because a missing sample means "unknown". Otherwise the old value, or that of a
      // deleted queue, would look like the present one.
      for (const gauge of ofQueues) gauge.reset();
      if (!sample.redisUp) return;
      const rates = series.rates();
      // Queues above the maximum number of label values share one label. Its counts are sums. Its ages and drain time
      // are the worst of any of these queues.
      const worst = new Map<string, { age: number; flowAge: number; drain: number }>();
      for (const stats of sample.queues) {
        const queue = metrics.queueLabel(stats.queue);
        for (const state of TASK_STATES) tasks.inc({ queue, state }, stats[state]);
        suspended.inc({ queue }, stats.suspended);
        flows.inc({ queue }, stats.flows);
        paused.inc({ queue }, stats.paused ? 1 : 0);
        const seconds = rates[stats.queue]?.drainSeconds ?? Number.POSITIVE_INFINITY;
        const before = worst.get(queue) ?? { age: 0, flowAge: 0, drain: 0 };
        worst.set(queue, {
          age: Math.max(before.age, stats.oldestPendingAgeMs / 1_000),
          flowAge: Math.max(before.flowAge, stats.oldestFlowAgeMs / 1_000),
          drain: Math.max(before.drain, stats.pending === 0 ? 0 : seconds),
        });
        for (const state of WORKER_STATES) workers.set({ queue, state }, 0);
        for (const outcome of REPLAYED_OUTCOMES) replayed.inc({ queue, outcome }, 0);
      }
      flow.update(sample.queues);
      for (const [queue, values] of worst) {
        age.set({ queue }, values.age);
        flowAge.set({ queue }, values.flowAge);
        drain.set({ queue }, values.drain);
      }
      for (const worker of sample.workers) {
        for (const name of worker.queues)
          workers.inc({ queue: metrics.queueLabel(name), state: worker.state });
      }
    },
    setClients: (count) => clients.set(count),
    countReplayed(queue, outcome, count) {
      if (count > 0) replayed.inc({ queue: metrics.queueLabel(queue), outcome }, count);
    },
  };
}
