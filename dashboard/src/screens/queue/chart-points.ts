import type { SeriesPoint } from "../../api/queues.ts";
import { rateSeries, type Sample } from "../../live/history.ts";

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

/** Finer points than pixels only cost time. */
const MOST_POINTS = 240;

/** Joins what the service remembers with what has streamed in since, and thins it to what a chart can show. */
export function chartPoints(
  past: readonly SeriesPoint[],
  samples: readonly Sample[],
  spanMs: number,
): ChartPoint[] {
  const end = Math.max(samples.at(-1)?.at ?? 0, past.at(-1)?.at ?? 0);
  const start = end - spanMs;
  const stepMs = Math.max(1_000, spanMs / MOST_POINTS);
  const firstLive = samples[0]?.at ?? Number.POSITIVE_INFINITY;

  const points: ChartPoint[] = past
    .filter((point) => point.at >= start && point.at < firstLive)
    .map((point) => ({
      at: point.at,
      pending: point.pending,
      processing: point.processing,
      scheduled: point.scheduled,
      dead: point.dead,
      enqueued: point.enqueuedPerSecond,
      completed: point.completedPerSecond,
      failed: point.failedPerSecond,
    }));

  const live = samples.filter((sample) => sample.at >= start);
  const rates = new Map(rateSeries(live, stepMs).map((point) => [point.at, point]));
  for (const sample of live) {
    const rate = rates.get(sample.at);
    // The newest sample is always shown, so that the line ends at the present.
    if (rate === undefined && sample !== live.at(-1) && sample !== live[0]) continue;
    points.push({
      at: sample.at,
      pending: sample.pending,
      processing: sample.processing,
      scheduled: sample.scheduled,
      dead: sample.dead,
      enqueued: rate?.enqueued ?? null,
      completed: rate?.completed ?? null,
      failed: rate?.failed ?? null,
    });
  }
  return thin(points, stepMs);
}

function thin(points: ChartPoint[], stepMs: number): ChartPoint[] {
  const kept: ChartPoint[] = [];
  for (const point of points) {
    const last = kept.at(-1);
    if (last === undefined || point.at - last.at >= stepMs * 0.9 || point === points.at(-1)) kept.push(point);
  }
  return kept;
}

/** Five round ticks from 0 to at least the largest value, so that the axis does not change with each update. */
export function niceTicks(largest: number): number[] {
  const rough = Math.max(largest, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  return [0, 1, 2, 3, 4].map((index) => index * step);
}
