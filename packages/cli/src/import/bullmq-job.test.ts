import { LIMITS } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { JOB_FIELDS, type Job, type Mapped, taskIdOf, taskOfJob } from "./bullmq-job.ts";

const mapping = { queue: "q", types: new Map<string, string>(), highUpTo: -1, lowFrom: 1 };

function job(change: Partial<Job> = {}): Job {
  const none = Object.fromEntries(JOB_FIELDS.map((name) => [name, null]));
  const fields = {
    id: "1",
    state: "waiting",
    dueAt: null,
    name: "mail",
    data: "{}",
    opts: "{}",
    timestamp: "5",
  };
  return { ...none, ...fields, ...change } as Job;
}

const mapped = (change: Partial<Job> = {}, how = mapping) => taskOfJob(job(change), how);

function task(result: Mapped) {
  if (result.kind !== "task") throw new Error(result.why);
  return result;
}

const withOptions = (options: object, change: Partial<Job> = {}) =>
  task(mapped({ opts: JSON.stringify(options), ...change }));

test("BullMQ counts the first attempt, and attempts that were already made are subtracted", () => {
  const retries = (options: object, change: Partial<Job> = {}) =>
    withOptions(options, change).task.maxRetries;
  expect(retries({})).toBe(0);
  expect(retries({ attempts: 0 })).toBe(0);
  expect(retries({ attempts: 4 })).toBe(3);
  expect(retries({ attempts: 4 }, { atm: "2" })).toBe(1);
  expect(retries({ attempts: 4 }, { attemptsMade: "1" })).toBe(2);
  expect(retries({ attempts: 4 }, { atm: "9" })).toBe(0);
  expect(retries({ attempts: 4 }, { atm: "4", state: "failed" })).toBe(3);
  expect(retries({ attempts: 500 })).toBe(LIMITS.maxRetries);
});

test.each([
  [undefined, { kind: "fixed", baseMs: 0, jitter: "none" }],
  [1_500, { kind: "fixed", baseMs: 1_500, maxMs: 86_400_000, jitter: "none" }],
  [
    { type: "exponential", delay: 100 },
    { kind: "exponential", baseMs: 100, maxMs: 86_400_000, jitter: "none" },
  ],
  [
    { type: "fixed", delay: 100, jitter: 0.5 },
    { kind: "fixed", baseMs: 100, maxMs: 86_400_000, jitter: "full" },
  ],
  [
    { type: "fixed", delay: 1e12 },
    { kind: "fixed", baseMs: 86_400_000, maxMs: 86_400_000, jitter: "none" },
  ],
  [{ type: "mine" }, undefined],
])("the backoff %j becomes %j", (backoff, expected) => {
  expect(withOptions({ attempts: 3, backoff }).task.backoff).toEqual(expected);
});

test("a job without retries has no backoff", () => {
  expect(withOptions({ backoff: 100 }).task.backoff).toBeUndefined();
});

test("0 is the most urgent priority of BullMQ, and the priorities of tasks keep the order", () => {
  const band = (priority: string, how = mapping) => task(mapped({ priority }, how)).task.priority;
  expect(["0", "1", "9"].map((priority) => band(priority))).toEqual(["normal", "low", "low"]);
  const how = { ...mapping, highUpTo: 1, lowFrom: 9 };
  expect(["0", "1", "2", "8", "9"].map((priority) => band(priority, how))).toEqual([
    "high",
    "high",
    "normal",
    "normal",
    "low",
  ]);
});

test.each([
  [{ removeOnComplete: true }, { completedMs: 0 }],
  [{ removeOnComplete: false, removeOnFail: false }, undefined],
  [{ removeOnComplete: 100 }, { count: 100 }],
  [{ removeOnComplete: 0 }, { completedMs: 0 }],
  [{ removeOnComplete: { age: 3_600, count: 5 } }, { completedMs: 3_600_000, count: 5 }],
  [{ removeOnComplete: { age: 1e12 } }, { completedMs: LIMITS.keepMs }],
  [{ removeOnComplete: { count: 20_000 } }, { count: LIMITS.keepCount }],
  [{ removeOnComplete: { age: "x", count: -1 } }, undefined],
  [{ removeOnFail: { age: 60 } }, { deadMs: 60_000 }],
  [{ removeOnFail: true }, { deadMs: 1 }],
  [{ removeOnFail: 10 }, undefined],
])("%j is kept as %j", (options, keep) => {
  expect(withOptions(options).task.keep).toEqual(keep);
});

test("the report says how removeOnComplete and removeOnFail change their meaning", () => {
  const changes = (options: object) => withOptions(options).changes.join("; ");
  expect(changes({ removeOnComplete: { age: 5 }, removeOnFail: { age: 5 } })).toBe("");
  expect(changes({ removeOnComplete: 5 })).toContain("holds for each type of task");
  expect(changes({ removeOnComplete: 20_000 })).toContain(
    "becomes 10000, the most completed tasks of a type",
  );
  expect(changes({ removeOnFail: 5 })).toContain("the count of removeOnFail is dropped");
  expect(changes({ removeOnFail: true })).toContain("the next sweep of a janitor drops");
});

test("a failed job keeps its reason, its last stack trace and its times", () => {
  const stacktrace = JSON.stringify(["Error: first\n at a", "Error: last\n at b"]);
  const times = { processedOn: "10", finishedOn: "20", pb: "worker-1" };
  const failed = (change: Partial<Job>) =>
    task(mapped({ state: "failed", opts: '{"attempts":3}', atm: "3", failedReason: "last", ...change }))
      .givenUp;
  expect(failed({ stacktrace, ...times })).toEqual({
    ...{ id: taskIdOf("q", "1"), attempts: 3, reason: "retries_exhausted", error: "Error: last\n at b" },
    ...{ startedAt: 10, endedAt: 20, workerId: "worker-1" },
  });
  expect(failed({ atm: "1" })).toMatchObject({ attempts: 1, reason: "fatal", error: "last" });
  expect(failed({ failedReason: "job stalled more than allowable limit" })?.reason).toBe("crashes_exhausted");
  expect(failed({ failedReason: "other", stacktrace })?.error).toBe("other\nError: last\n at b");
  expect(failed({ failedReason: "x".repeat(5_000) })?.error).toHaveLength(LIMITS.errorCharacters);
  expect(failed({ failedReason: null, stacktrace: "no JSON" })).not.toHaveProperty("error");
});

test.each<[Partial<Job>, string, string]>([
  [{ name: null }, "skipped", "removed in the meantime"],
  [{ parentKey: "bull:q:7" }, "skipped", "child of a flow"],
  [{ rjk: "nightly", state: "delayed" }, "skipped", "run of a job scheduler"],
  [{ name: "__default__" }, "refused", "add --type __default__=<type>"],
  [{ data: "{" }, "refused", "the payload is not valid JSON"],
  [{ data: "[".repeat(65) + "]".repeat(65) }, "refused", "nests deeper than 64"],
  [{ opts: "[]" }, "refused", "the options of the job are not a JSON object"],
])("a job with %j is %s: %s", (change, kind, why) => {
  expect(mapped(change)).toEqual({ kind, why: expect.stringContaining(why) });
});

test("a failed run of a job scheduler is moved, since the scheduler will not run it again", () => {
  expect(mapped({ rjk: "nightly", state: "failed" }).kind).toBe("task");
});

test("an id that a task may not have is always replaced by the same hash", () => {
  expect(taskIdOf("q", "repeat:nightly:5")).toBe("bullmq:q:repeat:nightly:5");
  expect(taskIdOf("q", "a b")).toMatch(/^bullmq:sha256:[0-9a-f]{32}$/);
  expect(taskIdOf("q", "a b")).toBe(taskIdOf("q", "a b"));
  expect(taskIdOf("q", "a b")).not.toBe(taskIdOf("r", "a b"));
  expect(taskIdOf("q", "x".repeat(200))).toHaveLength(46);
});

test("jobs with the same number have different fingerprints if their name, data or time differs", () => {
  const print = (change: Partial<Job>) => task(mapped(change)).task.fingerprint;
  expect(print({ opts: '{"attempts":3}', priority: "4" })).toBe(print({}));
  for (const change of [{ timestamp: "6" }, { data: "[]" }, { name: "other" }])
    expect(print(change)).not.toBe(print({}));
});
