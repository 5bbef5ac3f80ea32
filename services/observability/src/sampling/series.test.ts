import { expect, test } from "vitest";
import { statsOf } from "../../test/fakes.ts";
import { SeriesStore } from "./series.ts";

const at = (seconds: number, enqueued = 0) => [statsOf("q", { at: seconds * 1_000, totals: { enqueued } })];

test("two samples per second make one point per second", () => {
  const series = new SeriesStore();
  for (let half = 0; half <= 20; half++) series.record(at(half / 2, half * 10));
  const points = series.points("q", 900_000);
  expect(points.map((point) => point.at)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((s) => s * 1_000));
  expect(points.every((point) => point.enqueuedPerSecond === 20)).toBe(true);
});

test("points older than 15 minutes are removed", () => {
  const series = new SeriesStore();
  for (let second = 0; second <= 1_000; second++) series.record(at(second));
  const points = series.points("q", 900_000);
  expect(points).toHaveLength(900);
  expect(points[0]?.at).toBe(101_000);
  expect(series.points("q", 10_000)).toHaveLength(10);
});

test("shown rates span three seconds", () => {
  const series = new SeriesStore();
  for (let second = 0; second <= 10; second++) series.record(at(second, second < 8 ? 0 : (second - 7) * 30));
  expect(series.rates().q?.enqueuedPerSecond).toBe(30);
});

test("a deleted queue is forgotten, and a new series starts after the clock was set back", () => {
  const series = new SeriesStore();
  series.record(at(10));
  series.record(at(11));
  series.record([]);
  expect(series.points("q", 900_000)).toEqual([]);
  series.record(at(20));
  series.record(at(21));
  series.record(at(5));
  series.record(at(6));
  expect(series.points("q", 900_000).map((point) => point.at)).toEqual([6_000]);
});

test("queues above the cap have no series", () => {
  const series = new SeriesStore({ maxQueues: 1 });
  const two = (time: number) => ["a", "b"].map((queue) => statsOf(queue, { at: time }));
  series.record(two(1_000));
  series.record(two(2_000));
  expect(series.points("a", 900_000)).toHaveLength(1);
  expect(series.points("b", 900_000)).toHaveLength(0);
});
