import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import { Holdfast, Observer, Queue, type QueueOptions, Schedules, Worker } from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { type System, setupSystem, untilAborted } from "../worker/harness.ts";

/** Makes a client with empty caches, as in another process. */
function elsewhere(system: System): { client: Holdfast; observer: Observer } {
  const client = new Holdfast({ redis: system.url, prefix: system.prefix });
  afterwards(() => client.close());
  return { client, observer: new Observer({ client }) };
}

/** Makes a queue that a producer has used and another process has deleted. */
async function usedAndDeleted() {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueue("t", 0);
  const { client, observer } = elsewhere(system);
  await observer.pause("work");
  expect(await observer.deleteQueue("work")).toEqual({ removed: 1 });
  expect(await observer.queues()).toEqual([]);
  return { system, queue, client, observer };
}

const plain = { bytes: Buffer.from("1"), types: ["t"], spans: [0, 1] };

describe("a deleted queue that a producer still uses is registered again before the enqueue is answered", () => {
  test.each<[string, (queue: Queue) => Promise<unknown>]>([
    ["enqueue", (queue) => queue.enqueue("t", 1)],
    ["enqueue with an id", (queue) => queue.enqueue("t", 1, { id: "a" })],
    ["enqueue with a delay", (queue) => queue.enqueue("t", 1, { delayMs: 60_000 })],
    ["enqueueText", (queue) => queue.enqueueText("t", "1")],
    ["enqueueMany", (queue) => queue.enqueueMany([{ type: "t", payload: 1 }])],
    ["enqueueColumns", (queue) => queue.enqueueColumns(plain)],
    ["calls at once", (queue) => Promise.all([queue.enqueue("t", 1), queue.enqueue("t", 1, { id: "a" })])],
  ])("%s", async (_, enqueue) => {
    const { queue, observer } = await usedAndDeleted();
    await enqueue(queue);
    expect(await observer.queues()).toEqual(["work"]);
    const { pending, scheduled, paused } = await observer.stats("work");
    expect(pending + scheduled).toBeGreaterThan(0);
    expect(paused).toBe(false);
  });

  test("a large batch of plain tasks, in more than one call", async () => {
    const { queue, observer } = await usedAndDeleted();
    const count = 1_201;
    const bytes = Buffer.from("12345".repeat(count));
    const spans = Array.from({ length: count }, (_, i) => [5 * i, 5 * i + 5]).flat();
    const { ids } = await queue.enqueueColumns({ bytes, types: Array(count).fill("t"), spans });
    expect(ids).toHaveLength(count);
    expect((await observer.stats("work")).pending).toBe(count);
    expect((await queue.get(ids?.at(-1) ?? ""))?.payloadText).toBe("12345");
  });

  test("a dead letter that is moved there", async () => {
    const { system, observer } = await usedAndDeleted();
    await system.queue("other").enqueue("t", 1, { id: "a", maxRetries: 0 });
    await system.started("other", {
      t: () => {
        throw new Error("no");
      },
    });
    await until("the task is dead", async () => (await system.observer.stats("other")).dead === 1);
    expect(await system.observer.replay("other", ["a"], { to: "work" })).toMatchObject([
      { outcome: "moved" },
    ]);
    expect((await observer.stats("work")).pending).toBe(1);
  });

  test("a run of a schedule", async () => {
    const { system, observer } = await usedAndDeleted();
    const schedules = new Schedules({ client: system.client });
    await schedules.put("s", { queue: "work", cron: "0 0 1 1 *", type: "t" });
    await observer.pause("work");
    await observer.deleteQueue("work");
    await schedules.run("s");
    expect((await observer.stats("work")).pending).toBe(1);
  });
});

test("the tasks of a killed worker are reaped in a queue that was deleted and used again", async () => {
  const { system, queue, observer } = await usedAndDeleted();
  await queue.enqueue("t", 1, { id: "victim" });
  expect(await system.grantToNobody("work", 1, 300)).toEqual(["victim"]);
  await system.janitor({ sweepIntervalMs: 50 }).start();
  await until("the task is pending again", async () => (await queue.get("victim"))?.state === "pending");
  expect(await observer.task("work", "victim")).toMatchObject({ crashes: 1 });
});

test("a worker that was running during the deletion runs the new tasks", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await system.started("work", { t: () => "ran" }, { pollMs: 100 });
  const { observer } = elsewhere(system);
  await observer.pause("work");
  await observer.deleteQueue("work");
  const { id } = await queue.enqueue("t", 1);
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({
    state: "completed",
    resultText: '"ran"',
  });
  expect(await observer.queues()).toEqual(["work"]);
});

test("a queue is not deleted while a task runs or after a new task has arrived", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await system.started("work", { t: (_, { signal }) => untilAborted(signal) });
  await queue.enqueue("t", 1);
  await until("the task runs", async () => (await system.observer.stats("work")).processing === 1);
  await system.observer.pause("work");
  await expect(system.observer.deleteQueue("work")).rejects.toMatchObject({ code: "queue_busy" });
  expect(await system.observer.queues()).toEqual(["work"]);
});

test("a janitor finds a queue that is missing in the registry by its workers, and sweeps it", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const { worker } = await system.started(
    "work",
    { t: (_, { signal }) => untilAborted(signal) },
    { leaseMs: 300 },
  );
  await queue.enqueue("t", 1, { id: "a" });
  await until("the task runs", async () => (await queue.get("a"))?.state === "processing");
  // On a Cluster, a node that lost its last writes may have lost the registry (the list of queues), but not the
  // queue.
  await system.redis.srem(`${system.prefix}:{:system}:queues`, "work");
  await until("the worker is known", async () => (await system.observer.workers()).length === 1);
  await system.janitor({ sweepIntervalMs: 50 }).start();
  await until("the queue is known", async () => (await system.observer.queues()).includes("work"));
  await worker.stop({ graceMs: 0 });
});

test("a janitor does not register a deleted queue without tasks, although a worker names the queue", async () => {
  const system = await setupSystem();
  await system.started("work", {}, { pollMs: 20 });
  await system.observer.pause("work");
  await system.observer.deleteQueue("work");
  const janitor = system.janitor();
  await until("the worker is known", async () => (await system.observer.workers()).length === 1);
  await janitor.runOnce();
  expect(await system.observer.queues()).toEqual([]);
});

describe("a queue can be paused and configured before its first task", () => {
  test.each<[string, boolean]>([
    ["that never was", false],
    ["that somebody else has deleted", true],
  ])("a queue %s", async (_, wasThere) => {
    const system = await setupSystem();
    if (wasThere) {
      // The process that pauses the queue has cached that the queue exists.
      await system.observer.configure("work", { maxWaiting: 7 });
      const { observer } = elsewhere(system);
      await observer.pause("work");
      await observer.deleteQueue("work");
    }
    await system.observer.pause("work", "deploying");
    await system.observer.configure("work", { maxWaiting: 2 });
    expect(await elsewhere(system).observer.stats("work")).toMatchObject({
      paused: true,
      pauseReason: "deploying",
      settings: { maxWaiting: 2 },
    });
    const { settled } = await system.started("work", { t: () => {} });
    await system.queue().enqueue("t", 1);
    await system.observer.resume("work");
    await until("the task ran", () => settled.length === 1);
  });

  test("a resume of an unknown queue reports that there is no such queue", async () => {
    const system = await setupSystem();
    await expect(system.observer.resume("work")).rejects.toMatchObject({ code: "queue_not_found" });
    expect(await system.observer.queues()).toEqual([]);
    await expect(system.observer.pause("no name")).rejects.toMatchObject({ code: "invalid_queue_name" });
  });
});

describe("a deleted partitioned queue that a producer still uses", () => {
  async function deleted(producer: { partitions?: number }) {
    const system = await setupSystem();
    const opened = (options: { partitions?: number }) => {
      const all: QueueOptions = { redis: system.url, prefix: system.prefix, ...options };
      const queue = new Queue("hot", all);
      afterwards(() => queue.close());
      return queue;
    };
    await opened({ partitions: 4 }).partitions();
    const queue = opened(producer);
    const tasks = Array.from({ length: 600 }, (_, n) => ({ type: "t", payload: n }));
    await queue.enqueueMany(tasks);
    const observer = new Observer({ client: elsewhere(system).client });
    await observer.pause("hot");
    expect(await observer.deleteQueue("hot")).toEqual({ removed: 600 });
    expect(await observer.queues()).toEqual([]);
    return { system, queue, observer, opened, tasks };
  }

  test("is created again with partitions if the producer gives their number", async () => {
    const { queue, observer, tasks } = await deleted({ partitions: 4 });
    const { id } = await queue.enqueue("t", 1);
    expect((await queue.enqueueMany(tasks)).every(({ ok }) => ok)).toBe(true);
    expect(await observer.queues()).toEqual(["hot"]);
    expect(await observer.stats("hot")).toMatchObject({ pending: 601, paused: false });
    expect(await observer.task("hot", id)).toMatchObject({ state: "pending" });
  });

  test("is a new queue without partitions if the producer gives no number", async () => {
    const { system, queue, observer } = await deleted({});
    const { id } = await queue.enqueue("t", 1);
    expect(await queue.enqueueMany([{ type: "t", payload: 1 }])).toMatchObject([{ ok: true }]);
    expect(await observer.queues()).toEqual(["hot"]);
    expect(await observer.partitions("hot")).toBeNull();
    expect(await queue.get(id)).toMatchObject({ state: "pending", queue: "hot" });
    expect(await system.redis.keys(`${system.prefix}:{hot/*:tasks`)).toEqual([]);
  });

  test("stores no task in a removed partition if it was created again with fewer", async () => {
    const { queue, observer, opened, tasks } = await deleted({});
    await opened({ partitions: 2 }).partitions();
    for (let n = 0; n < 8; n++) await queue.enqueue("t", n);
    const results = await queue.enqueueMany(tasks);
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect((await observer.stats("hot")).pending).toBe(608);
  });

  test("is worked on again by its running worker, without an error", async () => {
    const system = await setupSystem();
    const options = { redis: system.url, prefix: system.prefix };
    const queue = new Queue("hot", { ...options, partitions: 2 });
    afterwards(() => queue.close());
    await queue.partitions();
    const worker = new Worker("hot", { t: () => "ran" }, { ...options, watchMs: 20, pollMs: 100 });
    const errors: unknown[] = [];
    worker.on("error", (error) => errors.push(error));
    afterwards(() => worker.stop({ graceMs: 2_000 }));
    await worker.start();
    const observer = new Observer({ client: elsewhere(system).client });
    await observer.pause("hot");
    await observer.deleteQueue("hot");
    await until("the worker has polled", async () => worker.lastGoodPollAgeMs() < 100);
    const { id } = await queue.enqueue("t", 1);
    expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
    expect(errors).toEqual([]);
  });
});

test("pause, resume and configure take effect in the order of the calls, even if no call is awaited", async () => {
  const { observer } = await setupSystem();
  for (let round = 0; round < 30; round++) {
    await Promise.all([observer.pause("work"), observer.resume("work")]);
    expect((await observer.stats("work")).paused).toBe(false);
    await Promise.all([
      observer.configure("work", { retentionCount: 1 }),
      observer.configure("work", { retentionCount: 2 }),
      observer.pause("work"),
    ]);
    expect(await observer.stats("work")).toMatchObject({ paused: true, settings: { retentionCount: 2 } });
  }
});
