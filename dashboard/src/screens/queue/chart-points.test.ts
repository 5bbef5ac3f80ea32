import { expect, it } from "vitest";
import { type SeriesPoint, seriesStep } from "../../api/queues.ts";
import type { Sample } from "../../live/history.ts";
import { chartGrid, chartStep, niceTicks, chartPoints as onGrid, seriesPoints } from "./chart-points.ts";

const past = (at: number, part: Partial<SeriesPoint> = {}): SeriesPoint =>
  ({
    ...{ at, spanMs: 1_000, pending: 1, processing: 0, scheduled: 0, dead: 0, oldestPendingAgeMs: 0 },
    ...{ enqueuedPerSecond: 5, completedPerSecond: 0, failedPerSecond: 0 },
    ...part,
  }) as SeriesPoint;
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

const chartPoints = (
  points: readonly SeriesPoint[],
  samples: readonly Sample[],
  spanMs: number,
  leastStepMs: number,
) => onGrid(points, samples, spanMs, chartGrid(points, samples, spanMs, leastStepMs));

it("joins the points of the service and of the stream in order and without an overlap", () => {
  const points = chartPoints(
    [past(1_000), past(2_000), past(3_000)],
    [live(2_000), live(3_000, 10), live(4_000, 20)],
    60_000,
    1_000,
  );
  expect(points.map(({ at, enqueued }) => [at, enqueued])).toEqual([
    ...[
      [1_000, 5],
      [2_000, 5],
    ],
    ...[
      [3_000, 10],
      [4_000, 10],
    ],
  ]);
});

it("drops points older than the span, and merges the others into the steps of the chart", () => {
  const samples = Array.from({ length: 1_800 }, (_, index) => live(index * 500, index * 5));
  const points = chartPoints([], samples, 300_000, 2_000);
  expect(points[0]?.at).toBeGreaterThanOrEqual(899_500 - 300_000);
  expect(points.length).toBeLessThanOrEqual(151);
  expect(points.at(-1)).toMatchObject({ at: 900_000, enqueued: null });
  expect(new Set(points.slice(0, -1).map(({ enqueued }) => enqueued))).toEqual(new Set([10]));
});

it("uses the longest step in the span everywhere, so that a steady load is a straight line", () => {
  // The service started at 30 s. It has points of 10 s before that and points of 1 s after it. The load is 100 tasks
  // every 2 s.
  const coarse = [10_000, 20_000, 30_000].map((at) => past(at, { spanMs: 10_000, enqueuedPerSecond: 50 }));
  const fine = Array.from({ length: 30 }, (_, n) =>
    past(31_000 + n * 1_000, { enqueuedPerSecond: n % 2 === 0 ? 0 : 100, pending: n }),
  );
  const stream = Array.from({ length: 21 }, (_, n) => live(60_000 + n * 1_000, Math.floor(n / 2) * 100));
  const points = chartPoints([...coarse, ...fine], stream, 300_000, 2_000);
  expect(points.map(({ at }) => at)).toEqual([
    10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000,
  ]);
  expect(points.map(({ enqueued }) => enqueued)).toEqual(Array(8).fill(50));
  // Charts without samples from the stream have their points at the same times.
  const grid = chartGrid([...coarse, ...fine], stream, 300_000, 2_000);
  expect(grid).toEqual({ stepMs: 10_000, end: 80_000 });
  const series = seriesPoints([...coarse, ...fine], 300_000, grid);
  expect(series.map(({ at }) => at)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
  expect(series.map(({ enqueuedPerSecond }) => enqueuedPerSecond)).toEqual(Array(6).fill(50));
  expect(series.at(-1)?.pending).toBe(29);
});

it("uses shorter steps if the span has no point of a longer step", () => {
  const points = [
    past(10_000, { spanMs: 10_000 }),
    ...Array.from({ length: 60 }, (_, n) => past(11_000 + n * 1_000)),
  ];
  expect(chartStep(points, 10_000, 1_000)).toBe(1_000);
  expect(chartStep(points, 9_000, 1_000)).toBe(10_000);
});

it("uses steps that are multiples of the steps of the service", () => {
  const minutes = (count: number) => seriesStep(count * 60_000);
  expect([1, 5, 15].map(minutes)).toEqual([1_000, 2_000, 4_000]);
  expect([60, 360, 1_440].map(minutes)).toEqual([20_000, 300_000, 600_000]);
  expect([10_080, 43_200].map(minutes)).toEqual([2_700_000, 10_800_000]);
});

it("makes round ticks up to at least the largest value", () => {
  expect(niceTicks(0)).toEqual([0, 1, 2, 3, 4]);
  expect(niceTicks(28_600)).toEqual([0, 10_000, 20_000, 30_000, 40_000]);
  expect(niceTicks(476).at(-1)).toBe(800);
  for (const value of [5, 99, 1_001, 123_456]) expect(niceTicks(value).at(-1)).toBeGreaterThanOrEqual(value);
});
