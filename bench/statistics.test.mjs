import { expect, test } from "vitest";
import { askedOf, takenIn } from "./harness/asked.mjs";
import { paces } from "./harness/pace.mjs";
import { median, mostWithin, pairedRatio, summary, valuesOf } from "./harness/statistics.mjs";
import { cpuTicks, stolenLines, stolenShare } from "./harness/steal.mjs";
import { allHold, judge, judgeAll } from "./harness/verdict.mjs";
import { PEERS, targets } from "./targets.mjs";

const record = (system, round, speed, more = {}) => ({
  workload: "steady",
  variant: "ingest",
  system,
  round,
  metrics: { speed },
  ...more,
});
const figure = {
  kind: "ratio",
  against: "bullmq",
  workload: "steady",
  variant: "ingest",
  metric: "speed",
  must: 2,
  stretch: 4,
};

test("the median of an even number of values is the mean of the middle two", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([10, 2, 4, 6])).toBe(5);
  expect(median([])).toBeNaN();
  expect(summary([3, Number.NaN, 1])).toEqual({ median: 2, min: 1, max: 3, count: 2 });
  expect(summary([])).toBeNull();
});

test("the most starts in a second are found among all spans of a second, and the end of a span does not count", () => {
  expect(mostWithin([], 1_000)).toBe(0);
  expect(mostWithin([2_000, 900, 0, 1_850, 950], 1_000)).toBe(3);
  expect(mostWithin([0, 500, 1_000], 1_000)).toBe(2);
});

test("a ratio compares two values of one round, and rounds with only one of them are left out", () => {
  const ours = new Map([
    [0, 10],
    [1, 40],
    [2, 90],
  ]);
  const theirs = new Map([
    [0, 5],
    [1, 10],
    [3, 1],
  ]);
  expect(pairedRatio(ours, theirs)).toEqual({ median: 3, min: 2, max: 4, count: 2 });
});

test("only values of the workload, variant and system are used", () => {
  const records = [
    record("a", 0, 1),
    record("a", 1, 2),
    record("b", 0, 3),
    record("a", 2, 4, { variant: "process" }),
  ];
  const of = (variant) => [
    ...valuesOf(records, { workload: "steady", variant, system: "a", metric: "speed" }).values(),
  ];
  expect(of("ingest")).toEqual([1, 2]);
  expect(of(/^proc/)).toEqual([4]);
  expect(of(undefined)).toEqual([1, 2, 4]);
});

test("a figure is judged by its median against must and stretch", () => {
  const verdict = (ours) =>
    judge([record("holdfast", 0, ours), record("bullmq", 0, 10)], figure, PEERS).verdict;
  expect(verdict(40)).toBe("stretch reached");
  expect(verdict(20)).toBe("must held");
  expect(verdict(19)).toBe("NOT held");
  expect(judge([record("holdfast", 0, 1)], figure, PEERS).verdict).toBe("not measured");
});

test("a figure with an upper limit holds if its value does not exceed the limit", () => {
  const cost = { ...figure, kind: "value", must: 11, stretch: 6, atMost: true };
  const verdict = (ours) => judge([record("holdfast", 0, ours)], cost, PEERS).verdict;
  expect([verdict(6), verdict(11), verdict(11.1)]).toEqual(["stretch reached", "must held", "NOT held"]);
});

test("the best peer is the fastest of each round", () => {
  const records = [
    record("holdfast", 0, 60),
    record("bullmq", 0, 10),
    record("bull", 0, 20),
    record("holdfast", 1, 60),
    record("bullmq", 1, 30),
    record("bull", 1, 15),
  ];
  expect(judge(records, { ...figure, against: "best peer" }, PEERS).measured).toMatchObject({
    min: 2,
    max: 3,
  });
});

test("flatness is the largest value divided by the smallest over all sizes, and unknown for one size", () => {
  const flat = {
    kind: "flat",
    workload: "steady",
    variant: /waiting$/,
    metric: "speed",
    must: 1.3,
    stretch: 1.1,
    atMost: true,
  };
  const at = (size, cost) => record("holdfast", 0, cost, { variant: `${size} waiting` });
  expect(judge([at(1, 10), at(2, 14)], flat, PEERS)).toMatchObject({
    verdict: "NOT held",
    measured: { median: 1.4 },
  });
  expect(judge([at(1, 10)], flat, PEERS).verdict).toBe("not measured");
});

test("the worst figure of a row decides its verdict, and a row that was not measured does not hold", () => {
  const records = [record("holdfast", 0, 40), record("bullmq", 0, 10)];
  const row = (figures) => judgeAll(records, [{ row: "r", figures }], PEERS);
  expect(row([figure, { ...figure, stretch: 5 }])[0].verdict).toBe("must held");
  expect(allHold(row([figure]))).toBe(true);
  expect(allHold(row([figure, { ...figure, against: "bull" }]))).toBe(false);
});

test("every target has limits in the right order", () => {
  for (const { row, figures } of targets) {
    for (const { must, stretch, atMost } of figures)
      expect(atMost ? stretch <= must : stretch >= must, row).toBe(true);
  }
});

test("in each round, the peer that slows down least decides how much slower the machine is", () => {
  const took = (system, round, redis_us) => record(system, round, 0, { metrics: { redis_us } });
  // On the machine where the targets were set, bee-queue took 7.9 µs per task and bull 16 µs.
  const records = [took("bee-queue", 0, 15.8), took("bull", 0, 24), took("holdfast", 0, 3)];
  records.push(took("bee-queue", 1, 79), took("bull", 1, 48), took("holdfast", 1, 9), took("holdfast", 2, 1));
  expect(paces(records)).toEqual([
    {
      variant: "ingest",
      metric: "redis_us",
      here: { median: 6, min: 3, max: 9, count: 2 },
      slower: { median: 2.25, min: 1.5, max: 3, count: 2 },
      atPace: { median: 2.5, min: 2, max: 3, count: 2 },
    },
  ]);
  expect(paces([took("holdfast", 0, 3)])).toEqual([]);
});

test("the report has the share of CPU time that other guests took, if it is known", () => {
  const before = cpuTicks(() => "cpu  100 0 50 800 10 0 20 20 5 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
  expect(before).toEqual({ all: 1_000, stolen: 20 });
  const after = cpuTicks(() => "cpu  200 0 100 1400 10 0 70 220 5 0\n");
  expect(stolenShare(before, after)).toBeCloseTo(0.2);
  expect(stolenShare(before, before)).toBeNull();
  expect(cpuTicks(() => "cpu  1 2 3\n")).toBeNull();
  const nowhere = cpuTicks(() => {
    throw new Error("ENOENT");
  });
  expect(stolenShare(nowhere, after)).toBeNull();
  expect(stolenLines(0.2)).toEqual([
    "Other guests of the host took 20.0% of the CPU time meanwhile (steal in /proc/stat)",
  ]);
  expect(stolenLines(null)).toEqual([]);
});

test("a later round measures the systems that the targets use, or all if the targets use none", () => {
  const asked = askedOf(targets, PEERS);
  expect([...asked("singles", ["single enqueues"])].sort()).toEqual(["bee-queue", "bullmq", "holdfast"]);
  expect([...asked("steady", ["ingest", "process at 50"])].sort()).toEqual([
    "bee-queue",
    "bull",
    "bullmq",
    "holdfast",
  ]);
  expect([...asked("beside raw", ["ingest", "process at 50"])].sort()).toEqual(["holdfast", "raw"]);
  expect([...asked("scale", ["8 against 1"])]).toEqual(["holdfast"]);
  expect([...asked("cold", ["process at 200"])]).toEqual([]);
  const systems = ["holdfast", "bull", "bullmq"];
  expect(takenIn(0, systems, new Set(["bullmq"]))).toEqual(systems);
  expect(takenIn(1, systems, new Set(["bullmq", "holdfast"]))).toEqual(["holdfast", "bullmq"]);
  expect(takenIn(1, systems, new Set())).toEqual(systems);
});

test("every figure of the targets is measured in later rounds too", () => {
  const asked = askedOf(targets, PEERS);
  for (const { workload, variant, against } of targets.flatMap(({ figures }) => figures)) {
    if (typeof variant !== "string") continue;
    expect([...asked(workload, [variant])]).toContain("holdfast");
    if (against !== undefined && against !== "best peer")
      expect([...asked(workload, [variant])]).toContain(against);
  }
});
