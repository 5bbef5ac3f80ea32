import type { AlertCondition } from "@holdfast/contracts";
import type { SeriesPoint } from "@holdfast/contracts/api";
import { describe, expect, test } from "vitest";
import { statsOf } from "../../test/fakes.ts";
import { type Figures, measure } from "./conditions.ts";

const figures = (changes: Parameters<typeof statsOf>[1], more: Partial<Figures> = {}): Figures => ({
  stats: statsOf("orders", changes),
  workers: [],
  points: () => [],
  ...more,
});

describe("dead letters", () => {
  const when: AlertCondition = { kind: "dead_letters", above: 3 };
  test.each([
    [3, false],
    [4, true],
  ])("%i with a limit of 3: %s", (dead, holds) => {
    expect(measure(when, figures({ dead }))).toEqual({ value: dead, holds });
  });

  test("those of a paused queue count too, because a pause is not their cause", () => {
    expect(measure(when, figures({ dead: 4, paused: true }))).toMatchObject({ holds: true });
  });
});

describe("the oldest pending task", () => {
  const when: AlertCondition = { kind: "oldest_pending", aboveMs: 60_000 };
  test.each([
    [60_000, false],
    [60_001, true],
  ])("of %i ms with a limit of a minute: %s", (oldestPendingAgeMs, holds) => {
    expect(measure(when, figures({ oldestPendingAgeMs }))).toEqual({ value: oldestPendingAgeMs, holds });
  });

  test("may be of any age while the queue is paused", () => {
    expect(measure(when, figures({ oldestPendingAgeMs: 1e9, paused: true }))).toMatchObject({ holds: false });
  });
});

describe("no workers while tasks wait", () => {
  const when: AlertCondition = { kind: "no_workers" };
  const holds = (pending: number, workers: Figures["workers"], paused = false) =>
    measure(when, figures({ pending, paused }, { workers }))?.holds;

  test("holds only if tasks wait, no worker runs and the queue is not paused", () => {
    expect(holds(1, [])).toBe(true);
    expect(holds(0, [])).toBe(false);
    expect(holds(1, [], true)).toBe(false);
    expect(holds(1, [{ state: "running", queues: ["orders"] }])).toBe(false);
    expect(holds(1, [{ state: "running", queues: ["other", "orders/3"] }])).toBe(false);
  });

  test("workers that drain, are lost or have another queue do not count", () => {
    expect(
      holds(1, [
        { state: "draining", queues: ["orders"] },
        { state: "lost", queues: ["orders"] },
        { state: "running", queues: ["orders-2"] },
      ]),
    ).toBe(true);
  });
});

describe("the failure ratio", () => {
  const when: AlertCondition = { kind: "failure_ratio", above: 0.25, windowMs: 60_000, minTasks: 20 };
  /** Makes points of one second each, oldest first. */
  const series = (count: number, failedPerSecond: number, completedPerSecond: number) =>
    Array.from({ length: count }, (_, second) => ({
      at: second * 1_000,
      spanMs: 1_000,
      failedPerSecond,
      completedPerSecond,
    })) as SeriesPoint[];
  const of = (points: SeriesPoint[]) => measure(when, figures({}, { points: () => points }));

  test("holds above the limit, and not at it", () => {
    expect(of(series(60, 1, 3))).toEqual({ value: 0.25, holds: false });
    expect(of(series(60, 2, 3))).toEqual({ value: 0.4, holds: true });
  });

  test("needs the minimum number of attempts, whatever the ratio is", () => {
    expect(of(series(60, 0.3, 0))).toEqual({ value: 1, holds: false });
    expect(of(series(60, 0.4, 0))).toEqual({ value: 1, holds: true });
    expect(of(series(60, 0, 0))).toEqual({ value: 0, holds: false });
  });

  test("is not known as long as the samples do not cover the window and too few attempts ended", () => {
    expect(of([])).toBeNull();
    expect(of(series(30, 0.3, 0))).toBeNull();
    expect(of(series(30, 1, 0))).toEqual({ value: 1, holds: true });
  });

  test("a point after a gap stands for the time since the one before", () => {
    const [first, second] = series(2, 1, 0) as [SeriesPoint, SeriesPoint];
    expect(of([first, { ...second, at: first.at + 19_000 }])).toEqual({ value: 1, holds: true });
    expect(of([first, { ...second, at: first.at + 18_000 }])).toBeNull();
  });
});
