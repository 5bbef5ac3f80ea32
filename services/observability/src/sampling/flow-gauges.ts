import type { ServiceMetrics } from "@holdfast/service";
import type { QueueStats } from "holdfast";

export interface FlowGauges {
  readonly all: readonly { reset(): void }[];
  update(queues: readonly QueueStats[]): void;
}

/**
 * Metrics per queue about tasks that limits hold back. There is no label for task keys, because a queue may have any
 * number of keys.
 */
export function createFlowGauges(metrics: ServiceMetrics): FlowGauges {
  const runnable = metrics.gauge("queue_runnable_tasks", "Pending tasks that workers could start now.", [
    "queue",
  ]);
  const keyed = metrics.gauge("queue_keyed_tasks", "Pending tasks with a key.", ["queue"]);
  const keys = metrics.gauge("queue_keys", "Keys by state: ready, resting (held back by a limit) or held.", [
    "queue",
    "state",
  ]);
  const concurrency = metrics.gauge("queue_concurrency_limit", "Tasks that may run at one time.", ["queue"]);
  const hold = metrics.gauge(
    "queue_hold_seconds",
    "How long the longest hold of the queue or a key still lasts; 0 without one.",
    ["queue"],
  );
  return {
    all: [runnable, keyed, keys, concurrency, hold],
    update(queues) {
      // Queues above the maximum number of label values share one label. Its value is the longest hold of any of
      // them.
      const longest = new Map<string, number>();
      for (const { queue: name, at, pendingKeyed, flow } of queues) {
        const queue = metrics.queueLabel(name);
        runnable.inc({ queue }, flow.runnable);
        keyed.inc({ queue }, pendingKeyed);
        keys.inc({ queue, state: "ready" }, flow.keysReady);
        keys.inc({ queue, state: "resting" }, flow.keysResting);
        keys.inc({ queue, state: "held" }, flow.keysHeld);
        // A queue without a concurrency limit has no sample.
        if (flow.concurrency !== null) concurrency.inc({ queue }, flow.concurrency);
        const seconds = Math.max(0, (flow.heldUntil ?? at) - at) / 1_000;
        longest.set(queue, Math.max(longest.get(queue) ?? 0, seconds));
      }
      for (const [queue, seconds] of longest) hold.set({ queue }, seconds);
    },
  };
}
