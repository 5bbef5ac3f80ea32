import type { QueueStats } from "@holdfast/contracts";
import type { QueueRates } from "../../api/queues.ts";
import { duration } from "../../format/time.ts";

export interface Drain {
  text: string;
  /** `alarm`: it will not be empty by itself. */
  look: "plain" | "quiet" | "alarm";
}

/**
 * How long until nothing waits, in words: the same on every screen. The figure is that of the service, which the API and
 * the metrics tell as well. @param rates undefined while the service has not seen the queue twice
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
