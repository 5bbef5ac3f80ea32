import { expect, test } from "vitest";
import { testWorker } from "./test-worker.ts";

test("a task whose result is too large is acked, and the error is reported", async () => {
  const run = await testWorker({ t: () => "x".repeat(100_000) }).run("t", {});
  expect(run).toMatchObject({ outcome: "acked", attempts: 1, error: { code: "payload_too_large" } });
  expect(run.errors).toMatchObject([{ code: "payload_too_large", taskId: "test-task" }]);
  expect(run).not.toHaveProperty("resultText");
});

test("a result without a JSON form ends the task at once, because a retry would end the same way", async () => {
  const run = await testWorker({ t: () => 1n }).run("t", {});
  expect(run).toMatchObject({ outcome: "dead", attempts: 1, error: { name: "FatalError" } });
});

test("a value that ctx cannot store is reported, and costs no attempt", async () => {
  const run = await testWorker({
    t: async (_, { progress, log }) => {
      await progress(10n);
      await progress({ done: 1 });
      await log("x".repeat(2_000));
    },
  }).run("t", {});
  expect(run).toMatchObject({
    outcome: "acked",
    progress: [{ done: 1 }],
    errors: [
      { code: "invalid_argument", taskId: "test-task", message: expect.stringContaining("ctx.progress") },
    ],
  });
  expect(run.log[0]).toHaveLength(1_024);
});

test("a handler that returns nothing has no result", async () => {
  const run = await testWorker({ quiet: async () => {} }).run("quiet", null);
  expect(run.outcome).toBe("acked");
  expect(run).not.toHaveProperty("result");
});
