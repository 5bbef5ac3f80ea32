import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Queue } from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { setupSystem } from "../worker/harness.ts";

const UNKNOWN = "V1StGXR8_Z5jdHi6B-myT";

test.each([
  ["retentionCount", { retentionCount: 0 }],
  ["retentionMs", { retentionMs: 0 }],
])(
  "%s of 0: a caller that asks for the result of an ended task learns that it is not kept",
  async (name, settings) => {
    const system = await setupSystem();
    const queue = system.queue();
    await system.observer.configure("work", settings);
    await system.started("work", { t: () => "done" });
    await system.janitor({ sweepIntervalMs: 20 }).start();
    const { id } = await queue.enqueue("t", 1);
    await until("the record of the task is gone", async () => (await queue.get(id)) === null);
    await expect(queue.result(id)).rejects.toMatchObject({
      code: "task_not_kept",
      taskId: id,
      message: `there is no record of task "${id}": it ended, or no such task ever existed; queue "work" keeps no ended tasks: its ${name} is 0`,
    });
  },
);

test("a queue that keeps its ended tasks returns null for an unknown id", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  expect(await queue.result(UNKNOWN)).toBeNull();
  await queue.enqueue("t", 1, { id: "a", delayMs: 60_000 });
  expect(await queue.result(UNKNOWN)).toBeNull();
  expect(await queue.result("a", { waitMs: 10 })).toBeNull();
});

test("a wait fails if its task is removed meanwhile, or if only its id is remembered", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const { id } = await queue.enqueue("t", 1, { delayMs: 60_000 });
  const waiting = expect(queue.result(id, { waitMs: 20_000 })).rejects.toMatchObject({
    code: "task_not_kept",
    message: `there is no record of task "${id}": it ended, or an operator removed it; queue "work" keeps up to 10000 ended tasks of each state, for 86400000 ms, unless a task has the option keep`,
  });
  await queue.enqueue("t", 1, { id: "a", delayMs: 60_000 });
  // Both calls use one connection. So this call shows that the waiting call has made its first read.
  await queue.get(id);
  await system.observer.empty("work", ["scheduled"]);
  await waiting;
  await expect(queue.wait("a", { waitMs: 0 })).rejects.toMatchObject({ code: "task_not_kept", taskId: "a" });
  expect(await queue.result(UNKNOWN)).toBeNull();
});

test("a partitioned queue reports the same", async () => {
  const system = await setupSystem();
  const queue = new Queue("hot", { client: system.client, partitions: 2 });
  afterwards(() => queue.close());
  await queue.enqueue("t", 1, { id: "a", delayMs: 60_000 });
  for (const partition of await system.observer.queues())
    await system.observer.empty(partition, ["scheduled"]);
  await expect(queue.result("a")).rejects.toMatchObject({ code: "task_not_kept", taskId: "a" });
});
