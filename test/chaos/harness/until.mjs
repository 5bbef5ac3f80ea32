import { setTimeout as sleep } from "node:timers/promises";

/** Resolves with the first truthy result of `condition`. @throws after `timeoutMs`, with the name of the condition */
export async function until(what, condition, timeoutMs = 20_000, stepMs = 20) {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms, but this did not happen: ${what}`);
    await sleep(stepMs);
  }
}

/** Returns CLOCK_MONOTONIC in ms, which is the same in every process of this machine. */
export const mono = () => Number(process.hrtime.bigint()) / 1e6;

/** Returns the smallest value that is not exceeded by at least this share of the values. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
