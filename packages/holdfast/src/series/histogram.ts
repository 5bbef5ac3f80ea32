/**
 * Histograms of times with 96 buckets, from 0.25 ms to an hour. From bucket to bucket, the upper bound grows by the
 * fourth root of 2 (1.19 times), so a percentile is off by at most 9%. Histograms are added by adding their counts.
 */
export const BUCKETS = 96;

/** The counts by bucket. A missing bucket has the count 0. */
export type Histogram = ReadonlyMap<number, number>;

export function bucketOf(ms: number): number {
  // Written as a negation, so that NaN counts as 0 too.
  if (!(ms > 0.25)) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(4 * Math.log2(ms * 4)));
}

/** Returns the upper bound of a bucket, ms. */
export const upperMs = (bucket: number) => 0.25 * 2 ** (bucket / 4);

export function addHistograms(all: readonly Histogram[]): Map<number, number> {
  const sum = new Map<number, number>();
  for (const histogram of all)
    for (const [bucket, count] of histogram) sum.set(bucket, (sum.get(bucket) ?? 0) + count);
  return sum;
}

/** Returns how much the counts have grown between two reads. If counting began again at zero, the result is empty. */
export function grownBy(before: Histogram, after: Histogram): Map<number, number> {
  const grown = new Map<number, number>();
  for (const [bucket, count] of after) {
    const more = count - (before.get(bucket) ?? 0);
    if (more > 0) grown.set(bucket, more);
  }
  return grown;
}

/** Returns the middle of the bucket with this quantile, ms, with three digits; null if the histogram is empty. */
export function quantileMs(histogram: Histogram, quantile: number): number | null {
  let total = 0;
  for (const count of histogram.values()) total += count;
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(quantile * total));
  let seen = 0;
  for (const bucket of [...histogram.keys()].sort((a, b) => a - b)) {
    seen += histogram.get(bucket) ?? 0;
    if (seen >= rank) return Number((upperMs(bucket) / 2 ** (1 / 8)).toPrecision(3));
  }
  return null;
}

/** Encodes a histogram as `bucket:count` in base 36, separated by semicolons. */
export function encodeHistogram(histogram: Histogram): string {
  return [...histogram].map(([bucket, count]) => `${bucket.toString(36)}:${count.toString(36)}`).join(";");
}

export function decodeHistogram(text: string): Map<number, number> {
  const histogram = new Map<number, number>();
  if (text === "") return histogram;
  for (const pair of text.split(";")) {
    const [bucket = "", count = ""] = pair.split(":");
    histogram.set(Number.parseInt(bucket, 36), Number.parseInt(count, 36));
  }
  return histogram;
}
