import type { QueueStats } from "@holdfast/contracts";

interface Sample {
  at: number;
  acked: number;
}

// A rate over a shorter time would vary too much. A rate over a longer time would be outdated.
const SHORTEST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Measures how many tasks of each queue complete per second, from the counters of statistics that are read anyway. */
export class RateMeter {
  readonly #samples = new Map<string, Sample[]>();

  observe(stats: QueueStats): void {
    const samples = (this.#samples.get(stats.queue) ?? []).filter(({ at }) => stats.at - at <= LONGEST_MS);
    const last = samples.at(-1);
    if (!last || stats.at - last.at >= SHORTEST_MS) samples.push({ at: stats.at, acked: stats.totals.acked });
    this.#samples.set(stats.queue, samples);
  }

  /** Returns the rate; 0 if there are too few measurements. */
  acksPerSecond(queue: string): number {
    const samples = this.#samples.get(queue) ?? [];
    const [first, last] = [samples[0], samples.at(-1)];
    if (!first || !last || last.at - first.at < SHORTEST_MS) return 0;
    return ((last.acked - first.acked) / (last.at - first.at)) * 1000;
  }
}
