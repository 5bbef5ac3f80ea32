import type { QueueStats } from "@holdfast/contracts";
import type { QueueRates } from "../../api/queues.ts";
import { duration } from "../../format/time.ts";

export interface Drain {
  text: string;
  /** `alarm`: the queue will not empty by itself. */
  look: "plain" | "quiet" | "alarm";
}

/**
 * The time until nothing waits, in words, the same on every screen. The figure comes from the service, like those of
 * the API and the metrics. @param rates undefined until the service has sampled the queue twice
 */
export function drainOf(
  { pending, paused }: Pick<QueueStats, "pending" | "paused">,
  rates: QueueRates | undefined,
): Drain {
  if (pending === 0) return { text: "empty", look: "quiet" };
  if (paused) return { text: "paused", look: "quiet" };
  if (rates === undefined) return { text: "–", look: "quiet" };
  if (rates.drainSeconds !== null) return { text: duration(rates.drainSeconds * 1_000), look: "plain" };
  return { text: rates.enqueuedPerSecond > rates.completedPerSecond ? "grows" : "stands", look: "alarm" };
}
