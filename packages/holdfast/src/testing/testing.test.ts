import { FatalError, RetryAfter } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { testWorker } from "./index.ts";

test("a handler that returns is acked, with its result through JSON", async () => {
  const worker = testWorker({ add: (task) => ({ sum: task.payload.a + task.payload.b, at: new Date(0) }) });
  expect(await worker.run("add", { a: 1, b: 2 })).toMatchObject({
    outcome: "acked",
    result: { sum: 3, at: "1970-01-01T00:00:00.000Z" },
    resultText: '{"sum":3,"at":"1970-01-01T00:00:00.000Z"}',
    attempts: 1,
  });
});

test("a handler that returns nothing has no result", async () => {
  const run = await testWorker({ quiet: async () => {} }).run("quiet", null);
  expect(run.outcome).toBe("acked");
  expect(run).not.toHaveProperty("result");
});

test("the payload comes as a worker would bring it: through JSON", async () => {
  const seen: unknown[] = [];
  const worker = testWorker({ look: (task) => void seen.push(task.payload, task.payloadText, task.tags) });
  await worker.run("look", { at: new Date(0), gone: undefined }, { tags: ["x"] });
  expect(seen).toEqual([{ at: "1970-01-01T00:00:00.000Z" }, '{"at":"1970-01-01T00:00:00.000Z"}', ["x"]]);
});

describe("a handler that throws", () => {
  const boom = new Error("boom");
  const worker = testWorker({
    fails: () => Promise.reject(boom),
    fatal: () => {
      throw new FatalError("never");
    },
    later: () => {
      throw new RetryAfter(1_234);
    },
    flaky: (task) => {
      if (task.attempt < 3) throw boom;
      return task.attempt;
    },
  });

  test("is retried after the backoff", async () => {
    const backoff = { kind: "fixed", baseMs: 700, jitter: "none" } as const;
    expect(await worker.run("fails", {}, { backoff })).toMatchObject({
      outcome: "retried",
      error: boom,
      delayMs: 700,
      attempts: 1,
    });
  });

  test("is dead after the last retry: 3 by default, so at attempt 4", async () => {
    expect(await worker.run("fails", {}, { attempt: 3 })).toMatchObject({ outcome: "retried" });
    expect(await worker.run("fails", {}, { attempt: 4 })).toMatchObject({ outcome: "dead", error: boom });
    expect(await worker.run("fails", {}, { maxRetries: 0 })).toMatchObject({ outcome: "dead", attempts: 1 });
  });

  test("runs attempt after attempt where that is asked for", async () => {
    expect(await worker.run("fails", {}, { untilSettled: true })).toMatchObject({
      outcome: "dead",
      attempts: 4,
    });
    expect(await worker.run("flaky", {}, { untilSettled: true })).toMatchObject({
      outcome: "acked",
      result: 3,
      attempts: 3,
    });
  });

  test("a FatalError is dead at once", async () => {
    expect(await worker.run("fatal", {}, { untilSettled: true })).toMatchObject({
      outcome: "dead",
      attempts: 1,
    });
  });

  test("a RetryAfter brings its own wait", async () => {
    expect(await worker.run("later", {})).toMatchObject({ outcome: "retried", delayMs: 1_234 });
    expect(await worker.run("later", {}, { maxRetries: 0 })).toMatchObject({ outcome: "dead" });
  });
});

test("progress and log are kept, and the signal given is the one that the handler sees", async () => {
  const worker = testWorker({
    talks: async (_task, ctx) => {
      await ctx.progress({ done: 1 });
      await ctx.log("one");
      await ctx.log("two");
      return ctx.signal.aborted;
    },
  });
  const run = await worker.run("talks", 1, { signal: AbortSignal.abort() });
  expect(run).toMatchObject({ result: true, progress: [{ done: 1 }], log: ["one", "two"] });
});

test("a type without a handler, and a payload without JSON, are mistakes of the test", async () => {
  const worker = testWorker({ known: () => 1 });
  await expect(worker.run("unknown", {})).rejects.toThrow(/no handler for "unknown": known/);
  await expect(worker.run("known", undefined)).rejects.toMatchObject({ code: "invalid_argument" });
});

test("a result that a worker could not store does not undo the work: it is acked without one", async () => {
  const worker = testWorker({ big: () => "x".repeat(100_000) });
  const run = await worker.run("big", {});
  expect(run.outcome).toBe("acked");
  expect(run).not.toHaveProperty("resultText");
});
