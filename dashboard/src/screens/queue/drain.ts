import type { QueueStats } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import type { QueueRates } from "../../api/queues.ts";
import { duration } from "../../format/time.ts";

export interface Drain {
  text: string;
  /** `alarm` if the queue will not become empty without somebody's help. */
  look: "plain" | "quiet" | "alarm";
}

/**
 * Describes the time until no task waits any more. The service computes it, so that all screens and the metric show
 * the same value.
 * @param rates undefined until the service has sampled the queue twice
 */
export function drainOf(
  { pending, paused }: Pick<QueueStats, "pending" | "paused">,
  rates: QueueRates | undefined,
): Drain {
  if (pending === 0) return { text: t`empty`, look: "quiet" };
  if (paused) return { text: t`paused`, look: "quiet" };
  if (rates === undefined) return { text: "–", look: "quiet" };
  if (rates.drainSeconds !== null) return { text: duration(rates.drainSeconds * 1_000), look: "plain" };
  return { text: rates.enqueuedPerSecond > rates.completedPerSecond ? t`grows` : t`stands`, look: "alarm" };
}
