import type { SeriesPoint } from "../../api/queues.ts";
import { between, type Sample } from "../../live/history.ts";

export interface ChartPoint {
  at: number;
  pending: number;
  processing: number;
  scheduled: number;
  dead: number;
  enqueued: number | null;
  completed: number | null;
  failed: number | null;
}

/**
 * Returns the shortest step that is available for the whole span. The service has steps of 1 s since its start, and
 * longer ones for the time before. If a line mixed both, a steady load would look like a change.
 */
export function chartStep(past: readonly SeriesPoint[], start: number, leastMs: number): number {
  return past.reduce((step, { at, spanMs }) => (at > start ? Math.max(step, spanMs) : step), leastMs);
}

/** Groups the items by the step that contains their time. */
function steps<T extends { at: number }>(items: readonly T[], stepMs: number): T[][] {
  const groups: T[][] = [];
  let current = Number.NaN;
  for (const item of items) {
    const own = Math.ceil(item.at / stepMs);
    if (own !== current) groups.push([]);
    current = own;
    groups.at(-1)?.push(item);
  }
  return groups;
}

/** Returns the mean rate of several spans, weighted by their lengths. */
function meanRate<T extends { spanMs: number }>(group: readonly T[], of: (item: T) => number): number {
  const spanMs = group.reduce((sum, item) => sum + item.spanMs, 0);
  return spanMs === 0 ? 0 : group.reduce((sum, item) => sum + of(item) * item.spanMs, 0) / spanMs;
}

/** The times at which all charts of a page have their points, so that one crosshair fits all charts. */
export interface ChartGrid {
  stepMs: number;
  /** The end of the last step, ms since the epoch. It is in the future as long as that step lasts. */
  end: number;
}

export function chartGrid(
  past: readonly SeriesPoint[],
  samples: readonly Sample[],
  spanMs: number,
  leastStepMs: number,
): ChartGrid {
  const last = Math.max(samples.at(-1)?.at ?? 0, past.at(-1)?.at ?? 0);
  const stepMs = chartStep(past, last - spanMs, leastStepMs);
  return { stepMs, end: Math.ceil(last / stepMs) * stepMs };
}

/** Joins the points of the service and the newer samples of the stream. Returns points with equal steps. */
export function chartPoints(
  past: readonly SeriesPoint[],
  samples: readonly Sample[],
  spanMs: number,
  { stepMs, end }: ChartGrid,
): ChartPoint[] {
  const start = end - spanMs;
  const last = Math.max(samples.at(-1)?.at ?? 0, past.at(-1)?.at ?? 0);
  const firstLive = samples[0]?.at ?? Number.POSITIVE_INFINITY;
  const told = past
    .filter(({ at }) => at > start && at <= firstLive)
    .map((point) => ({
      ...point,
      enqueued: point.enqueuedPerSecond,
      completed: point.completedPerSecond,
      failed: point.failedPerSecond,
    }));
  const streamed = samples.slice(1).flatMap((sample, index) => {
    const before = samples[index] as Sample;
    return sample.at > start
      ? [{ ...sample, ...between(before, sample), spanMs: sample.at - before.at }]
      : [];
  });
  return steps([...told, ...streamed], stepMs).map((group): ChartPoint => {
    const { at, pending, processing, scheduled, dead } = group.at(-1) as (typeof group)[number];
    const stepEnd = Math.ceil(at / stepMs) * stepMs;
    // In a step that has not ended, a rate covers only a moment. So it is left out.
    const rate = (of: (item: (typeof group)[number]) => number) =>
      stepEnd <= last ? meanRate(group, of) : null;
    return {
      ...{ at: stepEnd, pending, processing, scheduled, dead },
      enqueued: rate((item) => item.enqueued),
      completed: rate((item) => item.completed),
      failed: rate((item) => item.failed),
    };
  });
}

const RATES = [
  ...(["enqueuedPerSecond", "attemptsPerSecond", "completedPerSecond", "failedPerSecond"] as const),
  ...(["retriedPerSecond", "deadLetteredPerSecond", "crashedPerSecond", "releasedPerSecond"] as const),
  ...(["cancelledPerSecond", "expiredPerSecond"] as const),
] satisfies (keyof SeriesPoint)[];
const MEASURED = [
  ...(["utilisation", "waitP50Ms", "waitP95Ms", "waitP99Ms"] as const),
  ...(["runP50Ms", "runP95Ms", "runP99Ms"] as const),
] satisfies (keyof SeriesPoint)[];

/** Groups the points of the service into the steps of the charts. */
export function seriesPoints(
  past: readonly SeriesPoint[],
  spanMs: number,
  { stepMs, end }: ChartGrid,
): SeriesPoint[] {
  return steps(
    past.filter(({ at }) => at > end - spanMs),
    stepMs,
  ).map((group) => {
    const last = group.at(-1) as SeriesPoint;
    const merged: SeriesPoint = {
      ...last,
      at: Math.ceil(last.at / stepMs) * stepMs,
      spanMs: group.reduce((sum, point) => sum + point.spanMs, 0),
      oldestPendingAgeMs: Math.max(...group.map(({ oldestPendingAgeMs }) => oldestPendingAgeMs)),
    };
    for (const name of RATES) merged[name] = meanRate(group, (point) => point[name]);
    // The service measures these values over a longer time than one step. So the newest value stands for the whole
    // step.
    for (const name of MEASURED)
      merged[name] = group.findLast((point) => point[name] !== null)?.[name] ?? null;
    return merged;
  });
}

/**
 * Returns five round values for an axis, from 0 to at least `largest`. They are round so that the axis does not change
 * with each update.
 */
export function niceTicks(largest: number): number[] {
  const rough = Math.max(largest, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return [0, 1, 2, 3, 4].map((index) => index * step);
}
