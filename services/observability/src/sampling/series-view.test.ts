import type { SeriesPoint } from "@holdfast/contracts/api";
import type { SeriesBucket } from "holdfast/operate";
import { expect, test } from "vitest";
import { pointOf, stepFor, viewOf } from "./series-view.ts";

const gauges = {
  ...{ pending: 1, processing: 0, scheduled: 0, completed: 0, dead: 0, cancelled: 0, expired: 0 },
  oldestPendingAgeMs: 0,
};
const counts = {
  ...{ enqueued: 0, attempts: 0, acked: 0, failed: 0, retried: 0, crashed: 0, released: 0 },
  ...{ deadLettered: 0, cancelled: 0, expired: 0 },
};
const bucket = (seconds: number, acked: number, change: Partial<SeriesBucket> = {}): SeriesBucket => ({
  ...{ at: seconds * 1_000, spanMs: 10_000, gauges, counts: { ...counts, acked }, utilisation: 0.5 },
  ...{ wait: new Map([[10, acked]]), run: new Map([[20, acked]]), ...change },
});
const live = (seconds: number, completedPerSecond: number): SeriesPoint => ({
  ...pointOf(bucket(seconds, 0, { wait: new Map(), run: new Map(), utilisation: null })),
  ...{ spanMs: 1_000, completedPerSecond },
});
const seconds = (points: readonly SeriesPoint[]) => points.map(({ at }) => at / 1_000);

test("the step is the requested one, or the shortest with which the answer has few enough points", () => {
  expect(stepFor(900_000, undefined)).toBe(1_000);
  expect(stepFor(900_000, 5_000)).toBe(5_000);
  expect(stepFor(86_400_000, undefined)).toBe(87_000);
  expect(stepFor(2_592_000_000, 1_000)).toBe(2_592_000);
});

test("an answer has buckets up to the first second in memory, and then seconds with the wait and run times of their bucket", () => {
  const view = viewOf(
    [bucket(10, 100), bucket(20, 200), bucket(30, 300)],
    [live(22, 7), live(25, 8), live(31, 9)],
    { stepMs: 1_000, sinceMs: 0 },
  );
  expect(seconds(view.points)).toEqual([10, 20, 22, 25, 31]);
  expect(view.source).toBe("both");
  expect(view.points.map(({ completedPerSecond }) => completedPerSecond)).toEqual([10, 20, 7, 8, 9]);
  expect(view.points.map(({ runP50Ms }) => runP50Ms !== null)).toEqual([true, true, true, true, false]);
  expect(view.points[2]?.utilisation).toBe(0.5);
});

test("with a long step, buckets are merged, and only the seconds after the last bucket are added", () => {
  const view = viewOf(
    [bucket(10, 100), bucket(20, 300), bucket(30, 10), bucket(40, 30)],
    [live(35, 1), live(41, 4), live(42, 6)],
    { stepMs: 20_000, sinceMs: 0 },
  );
  expect(seconds(view.points)).toEqual([20, 40, 42]);
  expect(view.points.map(({ completedPerSecond }) => completedPerSecond)).toEqual([20, 2, 5]);
  expect(view.points.map(({ spanMs }) => spanMs)).toEqual([20_000, 20_000, 2_000]);
});

test("after a restart, an answer has the buckets of Redis, and until the first bucket it has the seconds in memory", () => {
  expect(viewOf([bucket(10, 1)], [], { stepMs: 1_000, sinceMs: 0 }).source).toBe("redis");
  expect(viewOf([], [live(1, 1)], { stepMs: 1_000, sinceMs: 0 })).toMatchObject({ source: "memory" });
  expect(viewOf([], [], { stepMs: 1_000, sinceMs: 0 }).points).toEqual([]);
});

test("a long time without tasks is a flat line over the whole window", () => {
  const quiet = { wait: new Map<number, number>(), run: new Map<number, number>() };
  const idle = bucket(3_600, 0, { ...quiet, spanMs: 3_600_000, utilisation: null });
  const { points } = viewOf([idle], [], { stepMs: 60_000, sinceMs: 1_800_000 });
  expect(points).toHaveLength(30);
  expect(points[0]?.at).toBe(1_860_000);
  expect(points.at(-1)?.at).toBe(3_600_000);
  expect(
    points.every(({ spanMs, completedPerSecond }) => spanMs === 60_000 && completedPerSecond === 0),
  ).toBe(true);
});
