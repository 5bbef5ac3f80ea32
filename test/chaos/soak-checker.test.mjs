import { expect, test } from "vitest";
import { IdSet } from "./harness/id-set.mjs";
import { growth, planOf, wrongDeath } from "./soak-checker.mjs";

const history = (outcomes, error = "Error: fails for certain") =>
  outcomes.map((outcome, i) => ({
    attempt: i + 1,
    outcome,
    fence: `${i}-t`,
    startedAt: i * 10,
    endedAt: i * 10 + 5,
    error: outcome === "failed" ? error : null,
  }));
const dead = (outcomes, more = {}) => ({
  attempts: outcomes.length,
  failures: outcomes.filter((outcome) => outcome === "failed").length,
  crashes: outcomes.filter((outcome) => outcome === "crashed").length,
  history: history(outcomes),
  ...more,
});
const four = ["failed", "failed", "failed", "failed"];

test("of 100 tasks, one always fails and 19 others can fail", () => {
  const kinds = Array.from({ length: 100 }, (_, number) => planOf(number).kind);
  const count = (kind) => kinds.filter((one) => one === kind).length;
  expect([count("doomed"), count("certain"), count("chance"), count("sound")]).toEqual([1, 4, 15, 80]);
});

test("a task is rightly dead if it used up all of its attempts, crashes included", () => {
  expect(wrongDeath(0, dead(four))).toBeNull();
  expect(wrongDeath(0, dead(["failed", "crashed", "failed", "failed"]))).toBeNull();
  expect(wrongDeath(50, dead(["crashed", "crashed", "crashed", "crashed"]))).toBeNull();
});

test.each([
  ["after three grants", 0, dead(four.slice(1))],
  ["with an attempt missing from its history", 0, dead(four, { history: history(four.slice(1)) })],
  ["with a released attempt among the counted ones", 0, dead(["failed", "released", "failed", "failed"])],
  [
    "with the same token in two attempts",
    0,
    dead(four, { history: history(four).map((attempt) => ({ ...attempt, fence: "1-t" })) }),
  ],
  [
    "with leases that overlap",
    0,
    dead(four, { history: history(four).map((attempt) => ({ ...attempt, startedAt: 0 })) }),
  ],
  [
    "although one of its attempts failed without a crash",
    50,
    dead(["crashed", "crashed", "crashed", "failed"]),
  ],
  ["after an attempt that had to succeed", 1, dead(four)],
  ["with counts that differ from its history", 0, dead(four, { crashes: 1 })],
])("a task that died %s is wrongly dead", (_, number, task) => {
  expect(wrongDeath(number, task)).toEqual(expect.any(String));
});

test("steady growth is told apart from noise", () => {
  expect(growth([5, 100, 101, 99, 100, 101, 100, 99, 101])).toBeLessThan(0.02);
  expect(growth([10, 20, 30, 40, 50, 60, 70, 80, 90])).toBeGreaterThan(0.2);
});

test("a set of ids has the added numbers and no others", () => {
  const set = new IdSet(1_000);
  for (const number of [0, 7, 8, 999, 7]) set.add(number);
  expect(set.size).toBe(4);
  expect([0, 1, 7, 8, 9, 998, 999].filter((number) => set.has(number))).toEqual([0, 7, 8, 999]);
});
