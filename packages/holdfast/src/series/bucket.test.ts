import fc from "fast-check";
import { expect, test } from "vitest";
import { COUNTED, decodeBucket, encodeBucket, goesOn, mergeBuckets, type SeriesBucket } from "./bucket.ts";

const whole = fc.nat(1_000_000);
const histogram = fc
  .array(fc.tuple(fc.nat(95), fc.integer({ min: 1, max: 1_000_000 })), { maxLength: 10 })
  .map((pairs) => new Map(pairs));
const bucket: fc.Arbitrary<SeriesBucket> = fc.record({
  at: fc.integer({ min: 1, max: 4e12 }),
  spanMs: fc.integer({ min: 1, max: 300_000 }),
  gauges: fc.record({
    ...{ pending: whole, processing: whole, scheduled: whole, completed: whole },
    ...{ dead: whole, cancelled: whole, expired: whole, oldestPendingAgeMs: whole },
  }),
  counts: fc.record({
    ...{ enqueued: whole, attempts: whole, acked: whole, failed: whole, retried: whole },
    ...{ crashed: whole, released: whole, deadLettered: whole, cancelled: whole, expired: whole },
  }),
  utilisation: fc.oneof(
    fc.constant(null),
    fc.nat(1_000).map((permille) => permille / 1_000),
  ),
  wait: histogram,
  run: histogram,
});

test("a decoded bucket is equal to the encoded one (property)", () => {
  fc.assert(
    fc.property(bucket, (one) => {
      expect(decodeBucket(encodeBucket(one))).toEqual(one);
    }),
  );
  expect(decodeBucket("garbage")).toBeNull();
  expect(decodeBucket("")).toBeNull();
});

test("merging keeps every count and time, in any grouping (property)", () => {
  fc.assert(
    fc.property(bucket, bucket, bucket, (a, b, c) => {
      const all = mergeBuckets([a, b, c]);
      const nested = mergeBuckets([mergeBuckets([a, b]), c]);
      expect({ ...nested, utilisation: 0 }).toEqual({ ...all, utilisation: 0 });
      for (const name of COUNTED)
        expect(all.counts[name]).toBe(a.counts[name] + b.counts[name] + c.counts[name]);
      expect(all.spanMs).toBe(a.spanMs + b.spanMs + c.spanMs);
      expect(all.at).toBe(c.at);
      if ([a, b, c].every(({ utilisation }) => utilisation !== null))
        expect(nested.utilisation).toBeCloseTo(all.utilisation ?? -1, 6);
    }),
  );
});

test("only quiet buckets with the same values are stored as one", () => {
  const zero = Object.fromEntries(COUNTED.map((name) => [name, 0])) as SeriesBucket["counts"];
  const gauges = {
    ...{ pending: 3, processing: 0, scheduled: 0, completed: 0, dead: 0, cancelled: 0, expired: 0 },
    oldestPendingAgeMs: 0,
  };
  const none = new Map<number, number>();
  const quiet = { at: 10, spanMs: 10, gauges, counts: zero, utilisation: null, wait: none, run: none };
  expect(goesOn(quiet, { ...quiet, at: 20 })).toBe(true);
  expect(goesOn(quiet, { ...quiet, gauges: { ...gauges, pending: 4 } })).toBe(false);
  expect(goesOn(quiet, { ...quiet, counts: { ...zero, acked: 1 } })).toBe(false);
  expect(goesOn({ ...quiet, run: new Map([[1, 1]]) }, quiet)).toBe(false);
});
