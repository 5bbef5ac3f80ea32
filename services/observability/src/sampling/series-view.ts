import { SERIES, type SeriesPoint } from "@holdfast/contracts/api";
import { mergeBuckets, quantileMs, type SeriesBucket } from "holdfast/operate";

export interface SeriesView {
  stepMs: number;
  source: "memory" | "redis" | "both";
  points: SeriesPoint[];
}

/** Returns the shortest step, in whole seconds, with which an answer has at most `SERIES.points` points. */
export function stepFor(windowMs: number, wantedMs: number | undefined): number {
  const least = Math.ceil(windowMs / SERIES.points / 1_000) * 1_000;
  return Math.max(SERIES.stepMs, least, wantedMs ?? 0);
}

/**
 * Returns the past of a queue, from the buckets in Redis. If the step is shorter than a bucket, or if no bucket is
 * complete yet, the points in the memory of this process are added.
 * @param buckets oldest first, within the window
 * @param live one point per second, oldest first, within the window
 */
export function viewOf(
  buckets: readonly SeriesBucket[],
  live: readonly SeriesPoint[],
  { stepMs, sinceMs }: { stepMs: number; sinceMs: number },
): SeriesView {
  const firstLive = live[0] ? live[0].at - live[0].spanMs : Number.POSITIVE_INFINITY;
  const isFine = stepMs < SERIES.bucketMs;
  const past = isFine ? buckets.filter(({ at }) => at <= firstLive) : buckets;
  const pastEnd = past.at(-1)?.at ?? 0;
  const seconds = live.filter(({ at }) => at > pastEnd);
  const points = [
    ...grouped(
      past.flatMap((bucket) => spread(bucket, stepMs, sinceMs)),
      stepMs,
    ).map((group) => pointOf(mergeBuckets(group))),
    ...grouped(seconds, stepMs).map((group) => overlaid(mergePoints(group), buckets)),
  ];
  const source = past.length === 0 ? "memory" : seconds.length === 0 ? "redis" : "both";
  return { stepMs, source, points: points.slice(-SERIES.points - 1) };
}

/** Groups the items by the step that contains their time. */
function grouped<T extends { at: number }>(items: readonly T[], stepMs: number): T[][] {
  const groups: T[][] = [];
  let step = Number.NaN;
  for (const item of items) {
    const own = Math.ceil(item.at / stepMs);
    if (own !== step) groups.push([]);
    step = own;
    groups.at(-1)?.push(item);
  }
  return groups;
}

/** A long bucket in which nothing happened becomes equal steps, so that the chart shows a line, not a point. */
function spread(bucket: SeriesBucket, stepMs: number, sinceMs: number): SeriesBucket[] {
  const isQuiet = Object.values(bucket.counts).every((count) => count === 0) && bucket.run.size === 0;
  if (!isQuiet || bucket.spanMs <= 2 * Math.max(stepMs, SERIES.bucketMs)) return [bucket];
  const partMs = Math.max(stepMs, SERIES.bucketMs);
  const begin = Math.max(bucket.at - bucket.spanMs, sinceMs);
  const parts: SeriesBucket[] = [];
  for (let at = bucket.at; at > begin; at -= partMs)
    parts.push({ ...bucket, at, spanMs: Math.min(partMs, at - begin) });
  return parts.reverse();
}

const rounded = (value: number) => Math.round(value * 10) / 10;

function timesOf({ wait, run, utilisation }: Pick<SeriesBucket, "wait" | "run" | "utilisation">) {
  return {
    utilisation: utilisation === null ? null : Math.round(utilisation * 1_000) / 1_000,
    waitP50Ms: quantileMs(wait, 0.5),
    waitP95Ms: quantileMs(wait, 0.95),
    waitP99Ms: quantileMs(wait, 0.99),
    runP50Ms: quantileMs(run, 0.5),
    runP95Ms: quantileMs(run, 0.95),
    runP99Ms: quantileMs(run, 0.99),
  };
}

export function pointOf(bucket: SeriesBucket): SeriesPoint {
  const { at, spanMs, gauges, counts } = bucket;
  const rate = (count: number) => rounded(count / (Math.max(1, spanMs) / 1_000));
  return {
    ...{ at, spanMs, ...gauges },
    enqueuedPerSecond: rate(counts.enqueued),
    attemptsPerSecond: rate(counts.attempts),
    completedPerSecond: rate(counts.acked),
    failedPerSecond: rate(counts.failed),
    retriedPerSecond: rate(counts.retried),
    deadLetteredPerSecond: rate(counts.deadLettered),
    crashedPerSecond: rate(counts.crashed),
    releasedPerSecond: rate(counts.released),
    cancelledPerSecond: rate(counts.cancelled),
    expiredPerSecond: rate(counts.expired),
    ...timesOf(bucket),
  };
}

function mergePoints(group: readonly SeriesPoint[]): SeriesPoint {
  const last = group.at(-1) as SeriesPoint;
  if (group.length === 1) return last;
  const merged: SeriesPoint = {
    ...last,
    spanMs: group.reduce((sum, { spanMs }) => sum + spanMs, 0),
    oldestPendingAgeMs: Math.max(...group.map(({ oldestPendingAgeMs }) => oldestPendingAgeMs)),
  };
  for (const name of RATES)
    merged[name] = rounded(group.reduce((sum, point) => sum + point[name], 0) / group.length);
  return merged;
}

const RATES = [
  ...(["enqueuedPerSecond", "attemptsPerSecond", "completedPerSecond", "failedPerSecond"] as const),
  ...(["retriedPerSecond", "deadLetteredPerSecond", "crashedPerSecond", "releasedPerSecond"] as const),
  ...(["cancelledPerSecond", "expiredPerSecond"] as const),
] satisfies (keyof SeriesPoint)[];

/** A point of one second has no run and wait times of its own. It gets those of its bucket. */
function overlaid(point: SeriesPoint, buckets: readonly SeriesBucket[]): SeriesPoint {
  const bucket = buckets.find(({ at, spanMs }) => point.at <= at && point.at > at - spanMs);
  return bucket ? { ...point, ...timesOf(bucket) } : point;
}
