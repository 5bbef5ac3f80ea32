import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { type HandlerTask, Observer, Queue, RateLimited, Worker } from "../../src/index.ts";
import { findViolations } from "../support/invariants.ts";
import { afterwards } from "../support/library.ts";
import { gate, setupSystem } from "./harness.ts";

/** Makes a handler that counts, for each key, the running tasks and the most at one time, and lists all starts. */
function counted(runMs: number) {
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  const starts: { key: string; payload: unknown }[] = [];
  const t = async (task: HandlerTask) => {
    const key = String((task.payload as { key?: string }).key ?? "");
    starts.push({ key, payload: task.payload });
    for (const name of [key, "all"]) {
      running.set(name, (running.get(name) ?? 0) + 1);
      most.set(name, Math.max(most.get(name) ?? 0, running.get(name) ?? 0));
    }
    await sleep(runMs);
    for (const name of [key, "all"]) running.set(name, (running.get(name) ?? 0) - 1);
  };
  return { handlers: { t }, most, starts };
}

const tasksOf = (key: string, count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => ({ type: "t", payload: { key, n: n + from }, key }));

/** Returns when Redis granted these tasks, by its clock. On a busy machine their handlers start later. */
const grantedAt = (queue: Queue, ids: readonly string[]) =>
  Promise.all(ids.map(async (id) => (await queue.get(id))?.history[0]?.startedAt ?? 0));

test("no more tasks of a key run than its limit says, on all workers together, and every worker is used", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { key: { concurrency: 3 } });
  const { handlers, most, starts } = counted(5);
  for (let n = 0; n < 3; n++) await system.started("work", handlers, { concurrency: 10 });
  const queue = system.queue();
  await queue.enqueueMany([...tasksOf("a", 60), ...tasksOf("b", 60)]);
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 120);
  expect([most.get("a"), most.get("b")]).toEqual([3, 3]);
  expect(starts).toHaveLength(120);
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("with one task at a time, the tasks of a key run in the order of their enqueues", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { key: { concurrency: 1 } });
  const { handlers, starts } = counted(1);
  for (let n = 0; n < 2; n++) await system.started("work", handlers, { concurrency: 5 });
  const queue = system.queue();
  for (let n = 0; n < 40; n += 10) await queue.enqueueMany([...tasksOf("a", 10, n), ...tasksOf("b", 10, n)]);
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 80);
  for (const key of ["a", "b"]) {
    const order = starts
      .filter((start) => start.key === key)
      .map(({ payload }) => (payload as { n: number }).n);
    expect(order).toEqual(Array.from({ length: 40 }, (_, n) => n));
  }
});

test("a worker wakes at the time of a rate that only counts once its task has ended, without a poll", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { key: { concurrency: 1, rate: { limit: 1, periodMs: 100 } } });
  await system.queue().enqueueMany(tasksOf("a", 8));
  const { handlers } = counted(5);
  await system.started("work", handlers, { concurrency: 5, pollMs: 60_000 });
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 8);
});

test("a worker that waits for a rate wakes at its time, without a poll", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { queue: { rate: { limit: 20, periodMs: 1_000 } } });
  const { handlers } = counted(0);
  await system.started("work", handlers, { concurrency: 10 });
  const ids = Array.from({ length: 15 }, (_, n) => `t${n}`);
  await system.queue().enqueueMany(ids.map((id) => ({ type: "t", payload: {}, id })));
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 15);
  const times = await grantedAt(system.queue(), ids);
  expect(Math.min(...times)).toBeGreaterThan(0);
  // There are 14 intervals of 50 ms. A late worker may catch up less than one interval.
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThanOrEqual(14 * 50 - 50);
});

test("RateLimited costs no attempt and holds only the key, and its task runs first after the hold", async () => {
  const system = await setupSystem();
  const ran: string[] = [];
  let refused = 0;
  const { settled } = await system.started("work", {
    t: async ({ payload, attempt }: HandlerTask) => {
      const { key, n } = payload as { key: string; n: number };
      if (key === "a" && refused++ === 0) throw new Error("429", { cause: new RateLimited(2_000) });
      ran.push(`${key}${n}/${attempt}`);
    },
  });
  const queue = system.queue();
  await queue.enqueueMany(tasksOf("a", 1));
  await until("the handler has thrown RateLimited", () => refused === 1);
  await queue.enqueueMany([...tasksOf("a", 1, 1), ...tasksOf("b", 2)]);
  await until("the tasks of the other key ran", () => ran.length === 2);
  expect(ran).toEqual(["b0/1", "b1/1"]);
  const [waiting] = (await system.observer.list("work", { state: "pending", limit: 1 })).tasks;
  expect(await system.observer.why("work", waiting?.id ?? "")).toMatchObject({ reason: "limited" });
  await until("all tasks ran", () => ran.length === 4);
  expect(ran.slice(2)).toEqual(["a0/1", "a1/1"]);
  expect(settled.map(({ outcome }) => outcome).filter((outcome) => outcome === "released")).toHaveLength(1);
});

test("RateLimited from a task without a key, and with the scope of the queue, holds the queue", async () => {
  const system = await setupSystem();
  const starts: number[] = [];
  await system.started("work", {
    t: async () => {
      starts.push(performance.now());
      if (starts.length === 1) throw new RateLimited(200);
      if (starts.length === 2) throw new RateLimited(200, { scope: "queue" });
    },
  });
  await system.queue().enqueue("t", 1);
  await until("the task is completed", async () => (await system.observer.stats("work")).completed === 1);
  expect(starts).toHaveLength(3);
  expect((starts[2] as number) - (starts[0] as number)).toBeGreaterThanOrEqual(395);
  expect(() => new RateLimited(0)).toThrow("holdMs must be 1 to");
  expect(() => new RateLimited(5, { scope: "account" as "key" })).toThrow(
    'scope must be "key", "type" or "queue"',
  );
});

test("a hold that a caller has set ends when the caller removes it, and a raised limit starts waiting tasks", async () => {
  const system = await setupSystem();
  const open = gate();
  let started = 0;
  const handlers = {
    t: async () => {
      started++;
      await open.opened;
    },
  };
  await system.started("work", handlers, { concurrency: 10 });
  const queue = system.queue();
  await queue.ready();
  await queue.hold("a", 60_000);
  await queue.enqueueMany(tasksOf("a", 6));
  expect(await system.observer.limits.key("work", "a")).toMatchObject({
    ...{ key: "a", waiting: 6, running: 0, blockedBy: "hold" },
  });
  await system.observer.limits.set("work", { key: { concurrency: 2 } });
  await queue.hold("a", 0);
  await until("two tasks run", () => started === 2);
  expect((await system.observer.limits.keys("work")).keys).toMatchObject([
    { key: "a", waiting: 4, running: 2, blockedBy: "concurrency" },
  ]);
  await system.observer.limits.set("work", { key: { concurrency: 4 } });
  await until("four tasks run", () => started === 4);
  await system.observer.limits.setKey("work", "a", { concurrency: 6 });
  await until("six tasks run", () => started === 6);
  open.open();
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 6);
});

test("in a queue with partitions a key is in one partition, and the limit of the queue holds for all partitions together", async () => {
  const system = await setupSystem();
  const options = { redis: system.url, prefix: system.prefix };
  const queue = new Queue("parts", { ...options, partitions: 3 });
  const observer = new Observer(options);
  const { handlers, most } = counted(5);
  const workers = [0, 1].map(() => new Worker("parts", handlers, { ...options, concurrency: 20 }));
  afterwards(async () => {
    for (const worker of workers) await worker.stop({ graceMs: 0 });
    await observer.close();
    await queue.close();
  });
  await queue.ready();
  await expect(
    observer.limits.set("parts", { queue: { rate: { limit: 2, periodMs: 1_000 } } }),
  ).rejects.toThrow("queue.rate.limit is divided among 3 queues or partitions, so it has to be at least 6");
  const limits = { queue: { concurrency: 7 }, key: { concurrency: 2 } };
  expect(await observer.limits.set("parts", limits)).toMatchObject({ queue: "parts", limits });
  for (const worker of workers) await worker.start();
  const keys = Array.from({ length: 12 }, (_, n) => `k${n}`);
  await queue.enqueueMany(keys.flatMap((key) => tasksOf(key, 10)));
  await expect(queue.enqueue("t", 1, { id: "a", key: "k1" })).rejects.toThrow(
    "id and key cannot be combined in a queue with partitions",
  );
  await until("all tasks are completed", async () => (await observer.stats("parts")).completed === 120);
  expect(most.get("all")).toBeLessThanOrEqual(7);
  expect(Math.max(...keys.map((key) => most.get(key) ?? 0))).toBeLessThanOrEqual(2);
});

test("invalid limits, keys and holds are refused, and the error names the field", async () => {
  const system = await setupSystem();
  const { limits } = system.observer;
  const wrong: [unknown, string][] = [
    [{ customer: {} }, "customer is not an option of the limits of a queue"],
    [{ key: { concurrency: 0 } }, "key.concurrency has to be a whole number from 1 to 1000000"],
    [{ key: { concurrency: 1.5 } }, "key.concurrency"],
    [{ queue: { rate: { limit: 1, periodMs: 0 } } }, "queue.rate.periodMs"],
    [{ queue: { rate: { limit: 1 } } }, "periodMs"],
    [{ queue: { weight: 0 } }, "queue.weight has to be a number from 0.001 to 1,000"],
  ];
  for (const [value, message] of wrong)
    await expect(limits.set("work", value as object)).rejects.toThrow(message);
  await expect(limits.get("nowhere")).rejects.toMatchObject({ code: "queue_not_found" });
  const queue = system.queue();
  await expect(queue.enqueue("t", 1, { key: "" })).rejects.toThrow("key has to be");
  await expect(queue.enqueue("t", 1, { key: "é".repeat(65) })).rejects.toThrow("key has to be");
  await expect(queue.enqueue("t", 1, { key: "a\0" })).rejects.toThrow("key has to be");
  await expect(queue.enqueue("t", 1, { cost: 0 })).rejects.toThrow("cost has to be");
  await expect(queue.hold("a", -1)).rejects.toThrow("holdMs has to be");
});

test("keys may have any characters", async () => {
  const system = await setupSystem();
  const keys = ["a b", "a", "a!", "日本", "%41", "@x ~y", "/", "a\nb", "é".repeat(64)];
  const { handlers, starts } = counted(0);
  const queue = system.queue();
  await queue.enqueueMany(keys.flatMap((key) => tasksOf(key, 2)));
  expect(
    (await system.observer.limits.keys("work")).keys.map(({ key, waiting }) => [key, waiting]).sort(),
  ).toEqual(keys.map((key) => [key, 2]).sort());
  const pages: string[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await system.observer.limits.keys("work", { limit: 2, ...(cursor ? { cursor } : {}) });
    pages.push(...page.keys.map(({ key }) => key));
    cursor = page.cursor;
  }
  expect(pages.sort()).toEqual([...keys].sort());
  await system.started("work", handlers);
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 18);
  expect(new Set(starts.map(({ key }) => key))).toEqual(new Set(keys));
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("a tenant with one task does not wait for the thousands of tasks of another tenant", async () => {
  const system = await setupSystem();
  const { handlers, starts } = counted(2);
  const queue = system.queue();
  for (let n = 0; n < 3_000; n += 1_000) await queue.enqueueMany(tasksOf("noisy", 1_000, n));
  await system.started("work", handlers, { concurrency: 2 });
  await until("the first tasks run", () => starts.length > 20);
  const before = starts.length;
  const { id } = await queue.enqueue("t", { key: "quiet", n: 0 }, { key: "quiet" });
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  // Two kinds of tasks may start before this one: tasks that the worker has taken ahead, and one task of the other
  // key per slot.
  const place = starts.findIndex(({ key }) => key === "quiet") - before;
  expect(place).toBeLessThan(300);
});

test("heavy tasks take more of a rate than light ones, and a cost above the burst delays the next task", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { queue: { rate: { limit: 100, periodMs: 1_000, burst: 10 } } });
  const { handlers, starts } = counted(0);
  const queue = system.queue();
  await queue.enqueueMany([
    { type: "t", payload: { n: "heavy" }, id: "heavy", cost: 30 },
    { type: "t", payload: { n: "light" }, id: "light" },
    { type: "t", payload: { n: "medium" }, id: "medium", cost: 10 },
    { type: "t", payload: { n: "last" }, id: "last" },
  ]);
  await system.started("work", handlers, { concurrency: 10 });
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 4);
  const [heavy = 0, light = 0, medium = 0] = await grantedAt(queue, ["heavy", "light", "medium"]);
  expect(heavy).toBeGreaterThan(0);
  expect(starts.map(({ payload }) => (payload as { n: string }).n)).toEqual([
    "heavy",
    "light",
    "medium",
    "last",
  ]);
  // The heavy task costs 30, and the burst is 10. The light task has to wait 200 ms for the rest of the cost. A late
  // worker may catch up less than one interval of 10 ms.
  expect(light - heavy).toBeGreaterThanOrEqual(185);
  expect(medium - light).toBeGreaterThanOrEqual(70);
});
