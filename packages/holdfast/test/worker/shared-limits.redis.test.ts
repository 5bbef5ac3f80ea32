import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Observer, Queue, Worker } from "../../src/index.ts";
import { systemKeys } from "../../src/redis/keys.ts";
import { findViolations } from "../support/invariants.ts";
import { afterwards } from "../support/library.ts";
import { gate, type System, setupSystem } from "./harness.ts";

/**
 * Makes a handler that counts how many tasks run now, how many ran at once at most, and how many have ended.
 */
function counted(runMs: number) {
  const seen = { running: 0, most: 0, ran: 0 };
  const t = async () => {
    seen.running++;
    seen.most = Math.max(seen.most, seen.running);
    await sleep(runMs);
    seen.running--;
    seen.ran++;
  };
  return { handlers: { t }, seen };
}

const tasks = (count: number) => Array.from({ length: count }, (_, n) => ({ type: "t", payload: n }));
const completed = async (system: System, queue: string) => (await system.observer.stats(queue)).completed;

test("queues that share a limit never exceed it together, and one queue uses the part that the other one does not need", async () => {
  const system = await setupSystem();
  const { observer } = system;
  const { handlers, seen } = counted(4);
  const names = ["a", "b", "c"];
  await observer.limits.share("db", { concurrency: 6 }, names);
  for (const name of names) await system.started(name, handlers, { concurrency: 20 });
  const janitor = system.janitor();
  await system.queue("a").enqueueMany(tasks(300));
  await until("queue a has run tasks by its own share", () => seen.ran > 0);
  await janitor.runOnce();
  expect((await observer.limits.shared())[0]?.shares.a).toMatchObject({ concurrency: 4 });
  await system.queue("b").enqueueMany(tasks(300));
  await until("all tasks are completed", async () => {
    await janitor.runOnce();
    return (await completed(system, "a")) + (await completed(system, "b")) === 600;
  });
  expect(seen.most).toBeGreaterThan(3);
  expect(seen.most).toBeLessThanOrEqual(6);
  for (const name of names) expect(await findViolations(system.redis, system.keys(name))).toEqual([]);
});

test("the freed part of a lowered share goes to others only once its tasks have ended", async () => {
  const system = await setupSystem();
  const { observer } = system;
  const { open, opened } = gate();
  for (const name of ["a", "b"]) await system.started(name, { t: () => opened }, { concurrency: 10 });
  await system.queue("a").enqueueMany(tasks(10));
  await until("ten tasks of queue a run", async () => (await observer.stats("a")).processing === 10);
  await system.queue("b").enqueueMany(tasks(10));
  await until("ten tasks of queue b run", async () => (await observer.stats("b")).processing === 10);
  await system.queue("b").enqueueMany(tasks(5));
  await system.queue("a").enqueueMany(tasks(5));
  const { shares } = await observer.limits.share("db", { concurrency: 12 }, ["a", "b"]);
  expect(shares).toEqual({ a: { concurrency: 6 }, b: { concurrency: 6 } });
  expect(await observer.limits.get("a")).toMatchObject({
    blockedBy: "shared",
    shared: [{ name: "db", limit: { concurrency: 12 }, queues: ["a", "b"] }],
  });
  const [waiting] = (await observer.list("a", { state: "pending", limit: 1 })).tasks;
  expect(await observer.why("a", waiting?.id ?? "")).toMatchObject({
    reason: "limited",
    detail: expect.stringContaining(
      'queue "a" runs 10 tasks and may run 6 now: its share of limit "db" (12 with 1 other queue)',
    ),
  });
  open();
  await until(
    "all tasks are completed",
    async () => (await completed(system, "a")) + (await completed(system, "b")) === 30,
  );
});

test("a limit that was removed, or a queue that no longer shares it, delays no task", async () => {
  const system = await setupSystem();
  const { observer } = system;
  const { handlers } = counted(0);
  await observer.limits.set("a", { key: { concurrency: 9 } });
  await observer.limits.share("db", { concurrency: 2 }, ["a", "b"]);
  await observer.limits.set("a", { key: { concurrency: 3 } });
  expect((await observer.limits.get("a")).shared).toHaveLength(1);
  await observer.limits.share("db", { concurrency: 1 }, ["b"]);
  expect(await observer.limits.get("a")).toMatchObject({
    shared: [],
    limits: { key: { concurrency: 3 } },
    blockedBy: null,
  });
  expect((await observer.limits.shared())[0]).toMatchObject({
    queues: ["b"],
    shares: { b: { concurrency: 1 } },
  });
  expect(await observer.limits.unshare("db")).toBe(true);
  expect(await observer.limits.unshare("db")).toBe(false);
  expect(await observer.limits.get("b")).toMatchObject({ shared: [], blockedBy: null });
  await system.started("b", handlers);
  await system.queue("b").enqueueMany(tasks(3));
  await until("all tasks are completed", async () => (await completed(system, "b")) === 3);
});

test("no more tasks start in one period than the rate allows that the queues share", async () => {
  const system = await setupSystem();
  const starts: number[] = [];
  const handlers = { t: async () => void starts.push(performance.now()) };
  await system.observer.limits.share("api", { rate: { limit: 40, periodMs: 1_000 } }, ["a", "b"]);
  for (const name of ["a", "b"]) await system.started(name, handlers, { concurrency: 20 });
  await Promise.all([system.queue("a").enqueueMany(tasks(25)), system.queue("b").enqueueMany(tasks(25))]);
  await until("all tasks ran", () => starts.length === 50);
  const granted = await Promise.all(
    ["a", "b"].map(
      async (name) => (await system.observer.list(name, { state: "completed", limit: 50 })).tasks,
    ),
  );
  const times = granted
    .flat()
    .map((task) => task.history[0]?.startedAt ?? 0)
    .sort((x, y) => x - y);
  const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length));
  expect(most).toBeLessThanOrEqual(41);
});

test("partitions use the part of their queue's limit that others do not need, and new partitions share it too", async () => {
  const system = await setupSystem();
  const options = { redis: system.url, prefix: system.prefix };
  const queue = new Queue("parts", { ...options, partitions: 4 });
  const observer = new Observer(options);
  const { handlers, seen } = counted(4);
  const worker = new Worker("parts", handlers, { ...options, concurrency: 40 });
  afterwards(async () => {
    await worker.stop({ graceMs: 0 });
    await observer.close();
    await queue.close();
  });
  await queue.ready();
  await observer.limits.set("parts", { queue: { concurrency: 8 } });
  await worker.start();
  const janitor = system.janitor();
  // All tasks have the same key, so all of them are in one partition.
  await queue.enqueueMany(tasks(200).map((task) => ({ ...task, key: "k" })));
  await until("all tasks are completed", async () => {
    await janitor.runOnce();
    return (await observer.stats("parts")).completed === 200;
  });
  expect(seen.most).toBeGreaterThan(2);
  expect(seen.most).toBeLessThanOrEqual(8);
  await observer.partition("parts", 6);
  expect((await observer.limits.get("parts")).limits).toEqual({ queue: { concurrency: 8 } });
  seen.most = 0;
  await queue.enqueueMany(tasks(300));
  await until("all tasks are completed", async () => {
    await janitor.runOnce();
    return (await observer.stats("parts")).completed === 500;
  });
  expect(seen.most).toBeLessThanOrEqual(8);
  await observer.limits.set("parts", {});
  expect((await observer.limits.get("parts")).limits).toEqual({});
});

test("a limit that cannot be read does not keep a janitor from dividing the other limits, and is reported", async () => {
  const system = await setupSystem();
  const { observer } = system;
  for (const name of ["broken", "whole"])
    await observer.limits.share(name, { concurrency: 10 }, [`${name}-a`, `${name}-b`]);
  const { sharedLimits } = systemKeys(system.prefix);
  const stored = JSON.parse((await system.redis.hget(sharedLimits, "broken")) ?? "{}");
  await system.redis.hset(sharedLimits, "broken", JSON.stringify({ ...stored, shares: null }));
  await system.queue("whole-a").enqueueMany(tasks(20));
  await expect(system.janitor().runOnce()).rejects.toThrow(TypeError);
  const whole = JSON.parse((await system.redis.hget(sharedLimits, "whole")) ?? "{}");
  expect(whole.shares["whole-a"].concurrency).toBeGreaterThan(5);
});

test("invalid shared limits are refused, and the error names the field", async () => {
  const { limits } = (await setupSystem()).observer;
  const refused = (name: string, limit: object, queues: string[]) =>
    limits.share(name, limit, queues).catch((error) => error.message);
  expect(await refused("a/b", { concurrency: 1 }, ["q"])).toContain("name has to be 1 to 64 of");
  expect(await refused("db", { concurrency: 1 }, [])).toContain("queues has to be an array of 1 to 100");
  expect(await refused("db", { weight: 2, concurrency: 1 }, ["q"])).toContain("and no weight");
  expect(await refused("db", {}, ["q"])).toContain("limit needs concurrency, rate or both");
  expect(await refused("db", { rate: { limit: 1, periodMs: 5 } }, ["q", "r"])).toContain(
    "limit.rate.limit is divided among 2 queues or partitions, so it has to be at least 4",
  );
});
