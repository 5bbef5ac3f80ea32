import { expect, it } from "vitest";
import type { SeriesPoint } from "../../api/queues.ts";
import type { Sample } from "../../live/history.ts";
import { chartPoints, niceTicks } from "./chart-points.ts";

const past = (at: number): SeriesPoint =>
  ({ at, pending: 1, processing: 0, scheduled: 0, dead: 0, enqueuedPerSecond: 5 }) as SeriesPoint;
const live = (at: number, enqueued = 0): Sample => ({
  at,
  pending: 2,
  processing: 0,
  scheduled: 0,
  dead: 0,
  enqueued,
  acked: 0,
  failed: 0,
  crashed: 0,
});

it("joins the past and the stream without an overlap, in order", () => {
  const points = chartPoints(
    [past(1_000), past(2_000), past(3_000)],
    [live(2_500), live(3_500, 10), live(4_500, 20)],
    60_000,
  );
  expect(points.map(({ at }) => at)).toEqual([1_000, 2_000, 3_500, 4_500]);
  expect(points.map(({ enqueued }) => enqueued)).toEqual([5, 5, 10, 10]);
});

it("drops what is older than the span and thins what a chart cannot show", () => {
  const samples = Array.from({ length: 1_800 }, (_, index) => live(index * 500));
  const points = chartPoints([], samples, 300_000);
  expect(points[0]?.at).toBeGreaterThanOrEqual(899_500 - 300_000);
  expect(points.length).toBeLessThanOrEqual(250);
  expect(points.at(-1)?.at).toBe(899_500);
});

it("makes round ticks that hold the largest value", () => {
  expect(niceTicks(0)).toEqual([0, 1, 2, 3, 4]);
  expect(niceTicks(28_600)).toEqual([0, 10_000, 20_000, 30_000, 40_000]);
  expect(niceTicks(476).at(-1)).toBe(800);
  for (const value of [5, 99, 1_001, 123_456]) expect(niceTicks(value).at(-1)).toBeGreaterThanOrEqual(value);
});
