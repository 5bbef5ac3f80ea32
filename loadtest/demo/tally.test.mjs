import { expect, test } from "vitest";
import { recovery, tally } from "./tally.mjs";

const attempt = (number, outcome, more = {}) => ({
  attempt: number,
  generation: 0,
  outcome,
  workerId: "w1",
  startedAt: number * 100,
  endedAt: number * 100 + 50,
  ...more,
});
const task = (history, more = {}) => ({ state: "completed", generation: 0, history, ...more });
const tallyOf = (records) =>
  tally(Object.keys(records), new Map(Object.entries(records).filter(([, view]) => view)));

test("a task that Redis does not know is lost", () => {
  const result = tallyOf({ a: task([attempt(1, "acked")]), b: undefined });
  expect(result).toMatchObject({ completed: 1, lost: 1, unfinished: { "unknown to Redis": 1 } });
});

test("a task that is not completed is lost, whatever its state", () => {
  expect(tallyOf({ a: task([attempt(1, "failed")], { state: "dead" }) })).toMatchObject({
    completed: 0,
    lost: 1,
    deadLettered: 1,
    replayed: 0,
  });
});

test("a failure before another attempt is a retry, but the last failure before death is not", () => {
  const history = [attempt(1, "failed"), attempt(2, "failed"), attempt(1, "acked", { generation: 1 })];
  expect(tallyOf({ a: task(history, { generation: 1 }) })).toMatchObject({
    attempts: 3,
    retries: 1,
    deadLettered: 1,
    replayed: 1,
    duplicates: 0,
  });
});

test("a second accepted ack is a duplicate", () => {
  expect(tallyOf({ a: task([attempt(1, "acked"), attempt(2, "acked")]) }).duplicates).toBe(1);
});

test("a released attempt does not count", () => {
  expect(tallyOf({ a: task([attempt(1, "released"), attempt(1, "acked")]) }).attempts).toBe(1);
});

test("the recovery is the time from the kill to the last task that ran again", () => {
  const { reaped, reapedAttempts } = tallyOf({
    a: task([attempt(1, "crashed"), attempt(2, "acked", { startedAt: 6_000 })]),
    b: task([attempt(1, "crashed"), attempt(2, "acked", { startedAt: 6_200 })]),
  });
  expect(reaped).toBe(2);
  expect(recovery(reapedAttempts, 1_000)).toEqual({ tasks: 2, firstMs: 5_000, lastMs: 5_200 });
  expect(recovery([], 1_000)).toBeNull();
});
