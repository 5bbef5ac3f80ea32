import type { TrialRun, WaitTimes } from "@holdfast/contracts";
import type { RecordedArrival } from "./recorded.ts";
import type { Arrival } from "./simulate.ts";

/** Returns a percentile of the values, such as the median for the share 0.5; 0 if there are no values. */
function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

export function waitTimes(waits: Iterable<number>): WaitTimes {
  const sorted = Float64Array.from(waits).sort();
  return { p50Ms: percentile(sorted, 0.5), p95Ms: percentile(sorted, 0.95) };
}

/** Returns the highest value of a counter that rises and falls at these times. At the same time, it falls first. */
export function peakOf(rises: Iterable<number>, falls: Iterable<number>): number {
  const up = Float64Array.from(rises).sort();
  const down = Float64Array.from(falls).sort();
  let [peak, fallen] = [0, 0];
  for (const [risen, at] of up.entries()) {
    while (fallen < down.length && (down[fallen] as number) <= at) fallen++;
    peak = Math.max(peak, risen + 1 - fallen);
  }
  return peak;
}

export const peakRunning = (arrivals: readonly Arrival[], starts: Float64Array): number =>
  peakOf(
    starts,
    starts.map((start, at) => start + (arrivals[at] as Arrival).runMs),
  );

/** Computes the numbers of a trial. @param slotsNeeded as in `TrialRun` */
export function measure(
  arrivals: readonly RecordedArrival[],
  starts: Float64Array,
  slotsNeeded: number,
): TrialRun {
  const waits = [...starts].map((start, at) => start - (arrivals[at] as Arrival).at);
  // Only tasks that did not start at once have waited.
  const late = arrivals.map((_, at) => at).filter((at) => (waits[at] as number) > 0);
  const lastArrival = arrivals.at(-1)?.at ?? 0;
  return {
    wait: waitTimes(waits.filter((_, at) => !arrivals[at]?.isRetry)),
    largestBacklog: peakOf(
      late.map((at) => (arrivals[at] as Arrival).at),
      late.map((at) => starts[at] as number),
    ),
    backlogAtEnd: late.filter((at) => (starts[at] as number) > lastArrival).length,
    peakRunning: peakRunning(arrivals, starts),
    slotsNeeded,
  };
}
