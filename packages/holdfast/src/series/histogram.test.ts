import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addHistograms,
  BUCKETS,
  bucketOf,
  decodeHistogram,
  encodeHistogram,
  grownBy,
  quantileMs,
  upperMs,
} from "./histogram.ts";

const histogramOf = (times: readonly number[]) =>
  addHistograms(times.map((ms) => new Map([[bucketOf(ms), 1]])));
const times = fc.array(fc.double({ min: 0.3, max: 3_000_000, noNaN: true }), {
  minLength: 1,
  maxLength: 200,
});

test("a time is within the bounds of its bucket (property)", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.3, max: 3_000_000, noNaN: true }), (ms) => {
      const bucket = bucketOf(ms);
      expect(ms).toBeLessThanOrEqual(upperMs(bucket) * 1.000001);
      expect(ms).toBeGreaterThan(upperMs(bucket - 1) * 0.999999);
    }),
  );
  expect([0, -5, Number.NaN, 0.25].map(bucketOf)).toEqual([0, 0, 0, 0]);
  expect(bucketOf(1e12)).toBe(BUCKETS - 1);
});

test("a quantile is within a tenth of the exact one (property)", () => {
  fc.assert(
    fc.property(times, fc.constantFrom(0.5, 0.95, 0.99), (all, quantile) => {
      const sorted = [...all].sort((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] as number;
      const found = quantileMs(histogramOf(all), quantile) as number;
      expect(Math.abs(found / exact - 1)).toBeLessThan(0.1);
    }),
  );
  expect(quantileMs(new Map(), 0.5)).toBeNull();
});

test("a decoded histogram is equal to the encoded one, and growth is what was added (property)", () => {
  fc.assert(
    fc.property(times, times, (before, more) => {
      const first = histogramOf(before);
      const second = histogramOf(more);
      expect(decodeHistogram(encodeHistogram(first))).toEqual(first);
      expect(grownBy(first, addHistograms([first, second]))).toEqual(second);
    }),
  );
  // A smaller count means that counting began again at zero.
  expect(grownBy(new Map([[3, 100]]), new Map([[3, 5]]))).toEqual(new Map());
});
