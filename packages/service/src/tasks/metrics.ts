import { HoldfastError } from "@holdfast/contracts";
import type { EnqueueResult } from "holdfast";
import type { ServiceMetrics } from "../metrics.ts";

/** Counts what an intake took, and what it refused. */
export interface IntakeMetrics {
  enqueued(
    queue: string,
    type: string,
    payloadBytes: number,
    result: EnqueueResult | { ok: false; error: HoldfastError },
  ): void;
  rejected(queue: string, error: unknown): void;
}

const PAYLOAD_BUCKETS_BYTES = [64, 256, 1_024, 4_096, 16_384, 65_536, 262_144];

export function createIntakeMetrics(metrics: ServiceMetrics): IntakeMetrics {
  const enqueuedTotal = metrics.counter("tasks_enqueued_total", "Tasks stored.", ["queue", "type"]);
  const deduplicatedTotal = metrics.counter(
    "tasks_deduplicated_total",
    "Enqueues of an id that was already stored with the same body.",
    ["queue", "type"],
  );
  const rejectedTotal = metrics.counter("tasks_rejected_total", "Tasks refused, by error code.", [
    "queue",
    "reason",
  ]);
  const payloadBytes = metrics.histogram(
    "payload_bytes",
    "Size of stored payloads.",
    ["queue"],
    PAYLOAD_BUCKETS_BYTES,
  );
  return {
    enqueued(queueName, typeName, bytes, result) {
      if (!result.ok) return;
      const queue = metrics.queueLabel(queueName);
      const type = metrics.typeLabel(typeName);
      if (result.receipt.duplicate) deduplicatedTotal.inc({ queue, type });
      else {
        enqueuedTotal.inc({ queue, type });
        payloadBytes.observe({ queue }, bytes);
      }
    },
    rejected(queueName, error) {
      const reason = error instanceof HoldfastError ? error.code : "internal";
      // A name that is none would spend the label's budget on noise.
      const queue = reason === "invalid_queue_name" ? "__invalid__" : metrics.queueLabel(queueName);
      rejectedTotal.inc({ queue, reason });
    },
  };
}
