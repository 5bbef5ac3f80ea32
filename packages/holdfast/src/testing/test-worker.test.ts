import { FatalError, RateLimited, RetryAfter } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { batch } from "../worker/batch.ts";
import { testWorker } from "./test-worker.ts";

test("a task whose handler returns is acked, with the result as it is after JSON", async () => {
  const worker = testWorker({ add: (task) => ({ sum: task.payload.a + task.payload.b, at: new Date(0) }) });
  expect(await worker.run("add", { a: 1, b: 2 })).toMatchObject({
    outcome: "acked",
    attempts: 1,
    result: { sum: 3, at: "1970-01-01T00:00:00.000Z" },
    resultText: '{"sum":3,"at":"1970-01-01T00:00:00.000Z"}',
  });
});

test("the handler gets the payload as it is after JSON", async () => {
  const worker = testWorker({ t: (task) => [task.payload.when, task.payloadText] });
  const { result } = await worker.run("t", { when: new Date(0) });
  expect(result).toEqual(["1970-01-01T00:00:00.000Z", '{"when":"1970-01-01T00:00:00.000Z"}']);
});

test("a task whose handler throws is retried, with the wait and the error", async () => {
  const error = new Error("no");
  const worker = testWorker({
    t: async () => {
      throw error;
    },
  });
  expect(await worker.run("t", null, { backoff: { baseMs: 100, jitter: "none" }, attempt: 2 })).toMatchObject(
    {
      outcome: "retried",
      error,
      delayMs: 200,
      attempts: 2,
    },
  );
});

test("a task whose last attempt throws is dead", async () => {
  const worker = testWorker({
    t: () => {
      throw new Error("no");
    },
  });
  expect(await worker.run("t", null, { attempt: 4 })).toMatchObject({ outcome: "dead", attempts: 4 });
  expect(await worker.run("t", null, { untilSettled: true, maxRetries: 2 })).toMatchObject({
    outcome: "dead",
    attempts: 3,
  });
});

test("FatalError makes the task dead at once, and RetryAfter sets the wait", async () => {
  const worker = testWorker({
    fatal: () => {
      throw new FatalError("no such user");
    },
    later: () => {
      throw new RetryAfter(30_000);
    },
  });
  expect(await worker.run("fatal", null)).toMatchObject({ outcome: "dead", attempts: 1 });
  expect(await worker.run("later", null)).toMatchObject({ outcome: "retried", delayMs: 30_000 });
});

test("untilSettled runs a task until its third attempt succeeds", async () => {
  const worker = testWorker({
    flaky: (_, ctx) => {
      if (ctx.attempt < 3) throw new Error("not yet");
      return ctx.token;
    },
  });
  expect(await worker.run("flaky", null, { untilSettled: true })).toMatchObject({
    outcome: "acked",
    attempts: 3,
  });
});

test("signal and tags reach the handler, and its progress and log lines are returned", async () => {
  const abort = new AbortController();
  abort.abort();
  const worker = testWorker({
    t: async (task, ctx) => {
      await ctx.progress({ done: 1 });
      await ctx.log("line");
      return [ctx.signal.aborted, task.tags, task.id];
    },
  });
  const run = await worker.run("t", null, { signal: abort.signal, tags: ["x"], id: "i" });
  expect(run).toMatchObject({ progress: [{ done: 1 }], log: ["line"], result: [true, ["x"], "i"] });
});

test("the error for a type without a handler names the type, and a payload without a JSON form is refused", async () => {
  const worker = testWorker({ known: () => null });
  await expect(worker.run("other", null)).rejects.toThrow(
    /no handler for "other"; the handlers are for known/,
  );
  await expect(worker.run("known", undefined)).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a rate limit costs no attempt, and ends in the dead letters after a hundred of them", async () => {
  let calls = 0;
  const worker = testWorker({
    once: () => {
      if (calls++ === 0) throw new RateLimited(5_000);
      return calls;
    },
    always: () => {
      throw new Error("429", { cause: new RateLimited(1) });
    },
  });
  const first = await worker.run("once", null, { maxRetries: 0 });
  expect(first).toMatchObject({ outcome: "released", attempts: 0, delayMs: 5_000 });
  calls = 0;
  const whole = await worker.run("once", null, { maxRetries: 0, untilSettled: true });
  expect(whole).toMatchObject({ outcome: "acked", attempts: 1, result: 2 });
  expect(await worker.run("always", null, { untilSettled: true })).toMatchObject({
    outcome: "dead",
    attempts: 1,
  });
});

describe("a batch", () => {
  test("runs in one call, each task with its own outcome", async () => {
    let calls = 0;
    const worker = testWorker({
      row: batch({ max: 10 }, (tasks, ctx) => {
        calls++;
        if (tasks[1]) ctx.fail(tasks[1], new FatalError("bad row"));
        return tasks.map(({ payload }) => payload * 2);
      }),
      one: () => 1,
    });
    const runs = await worker.runBatch("row", [1, 2, 3]);
    expect(calls).toBe(1);
    expect(runs.map(({ outcome, result }) => [outcome, result])).toEqual([
      ["acked", 2],
      ["dead", undefined],
      ["acked", 6],
    ]);
    expect(await worker.run("row", 4)).toMatchObject({ outcome: "acked", result: 8 });
    await expect(worker.runBatch("one", [1])).rejects.toThrow(
      'the handler of "one" is not a batch handler: use run()',
    );
    await expect(worker.runBatch("row", [1], { untilSettled: true } as never)).rejects.toThrow(
      "untilSettled is not an option",
    );
  });

  test("is searched for the task that throws, separated by key, and run inside the middleware", async () => {
    const calls: number[][] = [];
    const worker = testWorker({
      row: batch({ max: 10, by: "key" }, (tasks) => {
        calls.push(tasks.map(({ payload }) => payload));
        if (tasks.some(({ payload }) => payload === 3)) throw new Error("poison");
      }),
    });
    worker.use(async (_task, _ctx, next) => next());
    const runs = await worker.runBatch("row", [1, 2, 3, 4], { keys: ["a", "b", "b", "a"], maxRetries: 0 });
    expect(runs.map(({ outcome }) => outcome)).toEqual(["acked", "acked", "dead", "acked"]);
    expect(calls.toSorted()).toEqual([[1, 4], [2], [2, 3], [3]]);
  });

  test("too few results fail all tasks, and a task that was completed before a throw is not run again", async () => {
    const calls: number[][] = [];
    const worker = testWorker({
      few: batch({ max: 10 }, () => [1]),
      row: batch({ max: 10 }, (tasks, ctx) => {
        calls.push(tasks.map(({ payload }) => payload));
        for (const task of tasks) {
          if (task.payload === 2) throw new FatalError("two");
          ctx.complete(task, "own");
        }
      }),
    });
    const few = await worker.runBatch("few", [1, 2]);
    expect(few.map(({ outcome, error }) => [outcome, String(error)])).toEqual(
      Array(2).fill(["retried", expect.stringContaining("returned 1 results for 2 tasks")]),
    );
    const rows = await worker.runBatch("row", [0, 1, 2, 3]);
    expect(rows.map(({ outcome, result }) => result ?? outcome)).toEqual(["own", "own", "dead", "own"]);
    expect(calls).toEqual([[0, 1, 2, 3], [2], [3]]);
  });
});
