import type { Backoff } from "@holdfast/contracts";

export const DEFAULT_BACKOFF = {
  kind: "exponential",
  baseMs: 1_000,
  maxMs: 3_600_000,
  jitter: "full",
} as const satisfies Required<Backoff>;

/**
 * Computes the wait between the failed attempt number `attempt` and the next attempt, ms. With jitter "full" the wait
 * is random, from 0 to the computed wait, so that tasks that failed together are not all retried at the same time.
 * @param random from 0 to below 1
 */
export function backoffDelayMs(backoff: Backoff, attempt: number, random: number): number {
  const {
    kind = DEFAULT_BACKOFF.kind,
    baseMs = DEFAULT_BACKOFF.baseMs,
    maxMs = DEFAULT_BACKOFF.maxMs,
    jitter = DEFAULT_BACKOFF.jitter,
  } = backoff;
  const wait = kind === "fixed" ? baseMs : baseMs * 2 ** Math.min(attempt - 1, 40);
  const capped = Math.min(wait, maxMs);
  return jitter === "full" ? Math.floor(random * (capped + 1)) : capped;
}
