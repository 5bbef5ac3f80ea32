import { expect, test } from "vitest";
import { attemptsByKey, mostAtOnce, mostStarts, realTime } from "./harness/limits-checker.mjs";

const lease = (startedAt, endedAt) => ({ startedAt, endedAt });
const starts = (...times) => times.map((at) => lease(at, at + 1));

test("the leases at one time are counted over all tasks of a key", () => {
  expect(mostAtOnce([])).toBe(0);
  expect(mostAtOnce([lease(0, 10), lease(10, 20), lease(20, 30)])).toBe(1);
  expect(mostAtOnce([lease(0, 30), lease(5, 15), lease(10, 20), lease(15, 40)])).toBe(3);
});

test("a lease that never ended counts to the end, and a lease of 0 ms does not count", () => {
  expect(mostAtOnce([lease(0, null), lease(100, 200)])).toBe(2);
  expect(mostAtOnce([lease(0, 10), lease(5, 5)])).toBe(1);
});

test("the span with the most starts may begin at any time", () => {
  expect(mostStarts([], 100)).toBe(0);
  expect(mostStarts(starts(0, 90, 95, 180, 300), 100)).toBe(3);
});

test("the end of a span is not part of it", () => {
  expect(mostStarts(starts(0, 50, 100), 100)).toBe(2);
  expect(mostStarts(starts(0, 50, 99), 100)).toBe(3);
});

test("the attempts of all tasks of one key are listed together", () => {
  const task = (id, key, ...history) => [id, { id, key, history }];
  const keys = attemptsByKey(
    new Map([
      task("1", "a", lease(0, 5), lease(6, 9)),
      task("2", "b", lease(0, 5)),
      task("3", "a", lease(1, null)),
    ]),
  );
  expect(keys.get("a")).toEqual([lease(0, 5), lease(6, 9), lease(1, null)]);
  expect(keys.get("b")).toEqual([lease(0, 5)]);
});

// The clock jumps 120 s forward at 10 s, and back at 20 s.
const jumps = [
  { atMs: 10_000, offsetMs: 120_000 },
  { atMs: 20_000, offsetMs: 0 },
];

test("a time of a clock that jumped is converted by the last jump before that time", () => {
  expect(realTime(9_000, jumps, 0)).toBe(9_000);
  expect(realTime(131_000, jumps, 11_000)).toBe(11_000);
  expect(realTime(25_000, jumps, 25_000)).toBe(25_000);
});

test("if the clock showed a time twice, the time at which the handler ran counts", () => {
  expect(realTime(135_000, jumps, 15_050)).toBe(15_000);
  expect(realTime(135_000, jumps, 135_050)).toBe(135_000);
  const history = [{ ...lease(135_000, 135_100), fence: "7-x" }];
  const tasks = new Map([["t", { id: "t", key: "a", history }]]);
  const keys = attemptsByKey(tasks, { jumps, ranAt: new Map([["t 7-x", 135_020]]) });
  expect(keys.get("a")).toEqual([lease(135_000, 135_100)]);
});

test("a time that the clock never showed is an error", () => {
  expect(() => realTime(60_000, [{ atMs: 10_000, offsetMs: 120_000 }], 0)).toThrow("60000");
});
