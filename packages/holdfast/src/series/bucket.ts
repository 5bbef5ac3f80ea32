import type { QueueStats, QueueTotals } from "@holdfast/contracts";
import { addHistograms, decodeHistogram, encodeHistogram, type Histogram } from "./histogram.ts";

const GAUGES = [
  ...["pending", "processing", "scheduled", "completed", "dead", "cancelled", "expired"],
  "oldestPendingAgeMs",
] as const;
type Gauge =
  | "pending"
  | "processing"
  | "scheduled"
  | "completed"
  | "dead"
  | "cancelled"
  | "expired"
  | "oldestPendingAgeMs";

/** Totals of a queue. A bucket has how much each of them grew. */
export const COUNTED = [
  ...(["enqueued", "attempts", "acked", "failed", "retried", "crashed", "released"] as const),
  ...(["deadLettered", "cancelled", "expired"] as const),
] satisfies (keyof QueueTotals)[];
export type Counted = (typeof COUNTED)[number];

/** A bucket: the numbers of a queue for one span of time, which is a point in a chart. */
export interface SeriesBucket {
  /** The end of the span, by the clock of Redis, ms since the epoch. */
  at: number;
  spanMs: number;
  /** Values that were measured at the end of the span. */
  gauges: Record<Gauge, number>;
  counts: Record<Counted, number>;
  /** Which fraction of all slots was busy, 0 to 1; null without workers. */
  utilisation: number | null;
  wait: Histogram;
  run: Histogram;
}

export function gaugesOf(stats: QueueStats): SeriesBucket["gauges"] {
  const gauges = {} as SeriesBucket["gauges"];
  for (const name of GAUGES) gauges[name as Gauge] = Math.round(stats[name as Gauge]);
  return gauges;
}

/** Encodes a bucket as one line: numbers in base 36 (empty for zero), then the two histograms. */
export function encodeBucket(bucket: SeriesBucket): string {
  const utilisation = bucket.utilisation === null ? -1 : Math.round(bucket.utilisation * 1_000);
  const numbers: number[] = [
    ...[bucket.at, bucket.spanMs],
    ...GAUGES.map((name) => bucket.gauges[name as Gauge]),
    ...COUNTED.map((name) => bucket.counts[name]),
    utilisation,
  ];
  const text = numbers.map((value) => (value === 0 ? "" : value.toString(36))).join(",");
  return `${text}|${encodeHistogram(bucket.wait)}|${encodeHistogram(bucket.run)}`;
}

/** Decodes a bucket; null if the text is not a bucket, for example because a later version wrote it. */
export function decodeBucket(text: string): SeriesBucket | null {
  const [numbers = "", wait = "", run = "", ...more] = text.split("|");
  const values = numbers.split(",").map((value) => (value === "" ? 0 : Number.parseInt(value, 36)));
  if (more.length > 0 || values.length !== 3 + GAUGES.length + COUNTED.length || values.some(Number.isNaN))
    return null;
  const [at = 0, spanMs = 0, ...rest] = values;
  const gauges = {} as SeriesBucket["gauges"];
  for (const [i, name] of GAUGES.entries()) gauges[name as Gauge] = rest[i] as number;
  const counts = {} as SeriesBucket["counts"];
  for (const [i, name] of COUNTED.entries()) counts[name] = rest[GAUGES.length + i] as number;
  const utilisation = rest.at(-1) as number;
  return {
    ...{ at, spanMs, gauges, counts },
    utilisation: utilisation < 0 ? null : utilisation / 1_000,
    wait: decodeHistogram(wait),
    run: decodeHistogram(run),
  };
}

/** Joins consecutive buckets into one. @param buckets oldest first, at least one */
export function mergeBuckets(buckets: readonly SeriesBucket[]): SeriesBucket {
  const last = buckets.at(-1) as SeriesBucket;
  if (buckets.length === 1) return last;
  const counts = {} as SeriesBucket["counts"];
  for (const name of COUNTED) counts[name] = buckets.reduce((sum, bucket) => sum + bucket.counts[name], 0);
  const worked = buckets.filter((bucket) => bucket.utilisation !== null);
  const workedMs = worked.reduce((sum, { spanMs }) => sum + spanMs, 0);
  return {
    at: last.at,
    spanMs: buckets.reduce((sum, { spanMs }) => sum + spanMs, 0),
    gauges: {
      ...last.gauges,
      oldestPendingAgeMs: Math.max(...buckets.map(({ gauges }) => gauges.oldestPendingAgeMs)),
    },
    counts,
    utilisation:
      workedMs === 0
        ? null
        : worked.reduce((sum, { utilisation, spanMs }) => sum + (utilisation ?? 0) * spanMs, 0) / workedMs,
    wait: addHistograms(buckets.map(({ wait }) => wait)),
    run: addHistograms(buckets.map(({ run }) => run)),
  };
}

/** Returns whether nothing happened in the span. */
function isQuiet(bucket: SeriesBucket): boolean {
  return (
    bucket.wait.size === 0 && bucket.run.size === 0 && COUNTED.every((name) => bucket.counts[name] === 0)
  );
}

/**
 * Returns whether a bucket has the same values as the one before it, and nothing happened in either. Such buckets are
 * stored as one longer bucket, so that an idle queue needs almost no memory.
 */
export function goesOn(before: SeriesBucket, bucket: SeriesBucket): boolean {
  return (
    isQuiet(before) &&
    isQuiet(bucket) &&
    before.utilisation === bucket.utilisation &&
    GAUGES.every((name) => before.gauges[name as Gauge] === bucket.gauges[name as Gauge])
  );
}
