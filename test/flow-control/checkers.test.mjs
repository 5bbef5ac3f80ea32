import { expect, test } from "vitest";
import { mostWithin } from "../chaos/harness/limits-checker.mjs";
import { LimitModel } from "./harness/limit-model.mjs";
import { sharesOf } from "./harness/order.mjs";
import { attemptsOf, fullestKey, gapsOf, idleSpans, undisturbed, widestSpread } from "./harness/starts.mjs";

const ran = (startedAt, endedAt, key = "a") => ({ startedAt, endedAt, key });

test("a sliding span does not include its end", () => {
  expect(mostWithin([0, 999, 1_000, 1_999], 1_000)).toBe(2);
  expect(mostWithin([0, 500, 999], 1_000)).toBe(3);
  expect(mostWithin([], 1_000)).toBe(0);
});

test("starts may be given in any order, and count by their weight", () => {
  expect(mostWithin([1_500, 0, 999, 1_001], 1_000)).toBe(3);
  expect(mostWithin([0, 10, 2_000], 1_000, [10, 10, 5])).toBe(20);
});

test("an attempt that ends in the ms in which another begins does not overlap with it", () => {
  expect(fullestKey([ran(0, 10), ran(10, 20)]).most).toBe(1);
  expect(fullestKey([ran(0, 11), ran(10, 20)]).most).toBe(2);
});

test("an attempt without an end counts as running", () => {
  expect(fullestKey([ran(0, null), ran(5, 6), ran(50, null)]).most).toBe(2);
});

test("the result names the key with the most attempts at one time", () => {
  const attempts = [ran(0, 10, "a"), ran(5, 10, "b"), ran(6, 10, "b"), ran(11, 12, "a")];
  expect(fullestKey(attempts)).toEqual({ key: "b", most: 2 });
});

test("every attempt in the records counts, and so do crashed ones", () => {
  const history = [ran(0, 1), ran(2, 3)];
  expect(attemptsOf([{ id: "t", key: "k", history }])).toMatchObject([
    { id: "t", key: "k", startedAt: 0 },
    { id: "t", key: "k", startedAt: 2 },
  ]);
});

test("the spread of the starts is measured in the worst window", () => {
  expect(widestSpread(["a", "b", "a", "b"], 2)).toBe(0);
  expect(widestSpread(["a", "b", "a", "a", "b", "b"], 2)).toBe(2);
  // A key that has no start in a window also counts, with 0.
  expect(widestSpread(["a", "b", "b", "b", "b"], 3)).toBe(3);
});

test("shares add up to one", () => {
  expect(Object.fromEntries(sharesOf(["a", "b", "a", "a"]))).toEqual({ a: 0.75, b: 0.25 });
});

const task = (key, enqueuedAt, startedAt, endedAt) => ({
  key,
  enqueuedAt,
  history: [ran(startedAt, endedAt)],
});
const longest = (tasks, options) => Math.max(0, ...idleSpans(tasks, options));

test("a task that waits beside a free slot is found", () => {
  const tasks = [task("a", 0, 0, 100), task("b", 10, 60, 100)];
  expect(idleSpans(tasks, { slots: 2, concurrency: 1 })).toEqual([50]);
});

test.each([
  ["its key is full", [task("a", 0, 0, 100), task("a", 10, 100, 200)], { slots: 2, concurrency: 1 }],
  ["no slot is free", [task("a", 0, 0, 100), task("b", 10, 100, 200)], { slots: 1, concurrency: 1 }],
  [
    "the machine is stalled",
    [task("a", 0, 0, 100), task("b", 10, 60, 100)],
    { slots: 2, concurrency: 1, stalls: [{ from: 5, to: 70 }] },
  ],
])("a task that waits while %s is not idle time", (_, tasks, options) => {
  expect(longest(tasks, options)).toBe(0);
});

test("gaps of at least a given length between two times are found", () => {
  expect(gapsOf([0, 1, 20, 21], 15)).toEqual([{ from: 1, to: 20 }]);
});

const limits = { queue: { concurrency: 2 }, key: { rate: { limit: 10, periodMs: 1_000, burst: 2 } } };
const modelWith = (...tasks) => {
  const model = new LimitModel(limits);
  for (const [id, key, cost = 1] of tasks) model.add({ id, key, cost });
  return model;
};

test("the model refuses a start that the queue or the key does not allow", () => {
  const model = modelWith(["1", "a", 2], ["2", "a"], ["3", "b"], ["4", "c"]);
  expect(model.start("1", 5_000)).toBe(null);
  expect(model.start("2", 5_000)).toMatch("the key a refuses it");
  expect(model.start("3", 5_000)).toBe(null);
  expect(model.start("4", 5_000)).toMatch("the queue refuses it");
});

test("the model refuses a start out of the order of the key", () => {
  expect(modelWith(["1", "a"], ["2", "a"]).start("2", 5_000)).toBe("2 started before 1 of its key");
});

test("the model names a task that has to be granted, and none that may not", () => {
  const model = modelWith(["1", "a"], ["2", "b"], ["3", "c"]);
  expect(model.startable(5_000)).toBe("1");
  for (const id of ["1", "2"]) model.start(id, 5_000);
  expect(model.startable(5_000)).toBe(null);
});

test("a task that is handed back before it begins returns its part of the rate", () => {
  const model = modelWith(["1", "a", 2]);
  model.start("1", 5_000);
  expect(model.compare("a", 1, 5_200, 5_000)).toBe(null);
  expect(model.compare("a", 1, 5_100, 5_000)).toMatch("100 ms from now, 200 by the model");
  expect(model.compare("a", 0, 5_200, 5_000)).toMatch("0 of key a are counted as running, 1 by the model");
  model.end("1", "unstarted");
  expect(model.compare("a", 0, 0, 5_000)).toBe(null);
  expect(model.startable(5_000)).toBe("1");
});

test("a span that overlaps with a stall is left out", () => {
  const spans = [
    { from: 0, to: 10 },
    { from: 10, to: 20 },
  ];
  expect(undisturbed(spans, [{ from: 5, to: 10 }])).toEqual([spans[1]]);
});
