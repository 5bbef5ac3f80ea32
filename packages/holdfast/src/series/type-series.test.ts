import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addTypes,
  decodeTypeBucket,
  decodeTypes,
  encodeTypeBucket,
  encodeTypes,
  readTypes,
  type TypeCounts,
  typesGrown,
} from "./type-series.ts";

const histogram = fc
  .array(fc.tuple(fc.nat(95), fc.integer({ min: 1, max: 1e6 })), { maxLength: 8 })
  .map((pairs) => new Map(pairs));
const counts: fc.Arbitrary<TypeCounts> = fc.record({
  ended: fc.integer({ min: 1, max: 1e9 }),
  failed: fc.nat(1e9),
  wait: histogram,
  run: histogram,
});
const table = fc
  .array(fc.tuple(fc.string({ minLength: 1, unit: "grapheme" }), counts), { maxLength: 6 })
  .map((pairs) => new Map(pairs));

test("decoded counts are equal to the encoded ones, whatever the names of types are (property)", () => {
  fc.assert(
    fc.property(table, (types) => {
      expect(decodeTypes(encodeTypes(types).split("|"))).toEqual(types);
      const bucket = { at: 1_800_000_000_000, spanMs: 300_000, types };
      expect(decodeTypeBucket(encodeTypeBucket(bucket))).toEqual(bucket);
    }),
  );
});

test("growth is what was added, for known and for new types (property)", () => {
  fc.assert(
    fc.property(table, table, (before, more) => {
      expect(typesGrown(before, addTypes([before, more]))).toEqual(more);
    }),
  );
});

test("the counts of a queue that was created again begin at zero", () => {
  const of = (ended: number) =>
    new Map([["a", { ended, failed: 0, wait: new Map(), run: new Map([[3, ended]]) }]]);
  expect(typesGrown(of(100), of(5))).toEqual(of(5));
  expect(typesGrown(of(5), of(5)).size).toBe(0);
});

test("types are read from the fields of the hash, even if they contain spaces", () => {
  const types = readTypes([
    ["types", 2],
    ["n a b", 3],
    ["f a b", 1],
    ["w10 a b", 2],
    ["r20 a b", 3],
    ["n c", 1],
    ["r0 c", 1],
  ]);
  expect([...types.keys()]).toEqual(["a b", "c"]);
  expect(types.get("a b")).toEqual({
    ended: 3,
    failed: 1,
    wait: new Map([[10, 2]]),
    run: new Map([[20, 3]]),
  });
});
