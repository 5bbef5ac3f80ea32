import { HoldfastError } from "@holdfast/contracts";
import type { ServiceMetrics } from "../metrics.ts";

/** Counts the tasks and flows that an intake stored, and the requests that it refused. */
export interface IntakeMetrics {
  enqueued(queue: string, type: string, payloadBytes: number, duplicate: boolean): void;
  rejected(queue: string, error: unknown): void;
  flowStored(queue: string, nodes: number): void;
  nodesStored(queue: string, nodes: number): void;
}

const PAYLOAD_BUCKETS_BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144];

export function createIntakeMetrics(metrics: ServiceMetrics): IntakeMetrics {
  const enqueuedTotal = metrics.plainCounter("tasks_enqueued_total", "Tasks stored.", ["queue", "type"]);
  const deduplicatedTotal = metrics.plainCounter(
    "tasks_deduplicated_total",
    "Enqueues of an id that was already stored with the same body.",
    ["queue", "type"],
  );
  const rejectedTotal = metrics.plainCounter("tasks_rejected_total", "Tasks refused, by error code.", [
    "queue",
    "reason",
  ]);
  const flowsTotal = metrics.plainCounter("flows_stored_total", "Flows stored.", ["queue"]);
  const nodesTotal = metrics.plainCounter("flow_nodes_stored_total", "Nodes of flows stored.", ["queue"]);
  const payloadBytes = metrics.plainHistogram(
    "payload_bytes",
    "Size of stored payloads.",
    ["queue"],
    PAYLOAD_BUCKETS_BYTES,
  );
  const find = (queueName: string, typeName: string) => {
    const queue = metrics.queueLabel(queueName);
    const type = metrics.typeLabel(typeName);
    return { queueName, typeName, stored: enqueuedTotal.of(queue, type), sizes: payloadBytes.of(queue) };
  };
  // Most tasks have the same queue and type as the task before.
  let last: ReturnType<typeof find> | undefined;
  return {
    enqueued(queueName, typeName, bytes, duplicate) {
      if (duplicate) {
        deduplicatedTotal.of(metrics.queueLabel(queueName), metrics.typeLabel(typeName)).count++;
        return;
      }
      if (last?.typeName !== typeName || last.queueName !== queueName) last = find(queueName, typeName);
      last.stored.count++;
      last.sizes.observe(bytes);
    },
    rejected(queueName, error) {
      const reason = error instanceof HoldfastError ? error.code : "internal";
      rejectedTotal.of(metrics.queueLabel(queueName), reason).count++;
    },
    flowStored(queueName, nodes) {
      flowsTotal.of(metrics.queueLabel(queueName)).count++;
      this.nodesStored(queueName, nodes);
    },
    nodesStored(queueName, nodes) {
      nodesTotal.of(metrics.queueLabel(queueName)).count += nodes;
    },
  };
}
