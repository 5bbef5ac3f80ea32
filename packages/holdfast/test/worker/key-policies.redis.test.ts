import type { QueueLimits } from "@holdfast/contracts";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import type { HandlerContext, HandlerTask } from "../../src/index.ts";
import { findViolations } from "../support/invariants.ts";
import { gate, setupSystem, untilAborted } from "./harness.ts";

const task = (key: string, n: number) => ({ type: "t", payload: { key, n }, key });

async function withLimits(limits: QueueLimits) {
  const system = await setupSystem();
  await system.observer.limits.set("work", limits);
  return system;
}

test("in strict order a task that failed keeps its place, and only its key waits for the retry", async () => {
  const system = await withLimits({ key: { concurrency: 1, ordered: true } });
  const ran: string[] = [];
  const handlers = {
    t: async ({ payload, attempt }: HandlerTask) => {
      const { key, n } = payload as { key: string; n: number };
      ran.push(`${key}${n}/${attempt}`);
      if (key === "a" && n === 0 && attempt < 3) throw new Error("not yet");
    },
  };
  for (let n = 0; n < 2; n++)
    await system.started("work", handlers, {
      concurrency: 5,
      backoff: { baseMs: 60, maxMs: 60, jitter: "none" },
    });
  await system.queue().enqueueMany([task("a", 0), task("a", 1), task("a", 2), task("b", 0), task("b", 1)]);
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 5);
  expect(ran.filter((name) => name.startsWith("a"))).toEqual(["a0/1", "a0/2", "a0/3", "a1/1", "a2/1"]);
  expect(ran.indexOf("b1/1")).toBeLessThan(ran.indexOf("a0/3"));
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("onDead stop: a dead letter holds its key until it is replayed, and is then the next task of the key", async () => {
  const system = await withLimits({
    key: { concurrency: 1, ordered: true, onDead: "stop" },
  });
  const ran: string[] = [];
  let isBroken = true;
  await system.started(
    "work",
    {
      t: async ({ payload }: HandlerTask) => {
        const { key, n } = payload as { key: string; n: number };
        ran.push(`${key}${n}`);
        if (key === "a" && n === 0 && isBroken) throw new Error("broken");
      },
    },
    { maxRetries: 0 },
  );
  await system.queue().enqueueMany([task("a", 0), task("a", 1), task("b", 0)]);
  await until(
    "the task of the other key ran",
    async () => (await system.observer.stats("work")).completed === 1,
  );
  await until("the task is dead", async () => (await system.observer.stats("work")).dead === 1);
  expect(await system.observer.limits.key("work", "a")).toMatchObject({
    waiting: 1,
    running: 0,
    blockedBy: "stopped",
    heldUntil: null,
    nextAt: null,
  });
  await system.queue().enqueue("t", { key: "c", n: 0 }, { key: "c" });
  await until(
    "the task of a third key ran",
    async () => (await system.observer.stats("work")).completed === 2,
  );
  expect(ran).not.toContain("a1");
  isBroken = false;
  const [dead] = (await system.observer.list("work", { state: "dead", limit: 1 })).tasks;
  await system.observer.replay("work", [dead?.id ?? ""]);
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 4);
  expect(ran.slice(-2)).toEqual(["a0", "a1"]);
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("onDead stop: a hold of 0 lets the key continue without the dead letter", async () => {
  const system = await withLimits({ key: { concurrency: 1, ordered: true, onDead: "stop" } });
  await system.started(
    "work",
    {
      t: async ({ payload }: HandlerTask) => {
        if ((payload as { n: number }).n === 0) throw new Error("broken");
      },
    },
    { maxRetries: 0 },
  );
  await system.queue().enqueueMany([task("a", 0), task("a", 1)]);
  await until(
    "the key is stopped",
    async () => (await system.observer.limits.key("work", "a")).blockedBy === "stopped",
  );
  await system.observer.limits.hold("work", 0, { key: "a" });
  await until("the next task ran", async () => (await system.observer.stats("work")).completed === 1);
});

test("drop-new refuses a task whose key has as many tasks as may run, and does not remember its id", async () => {
  const system = await withLimits({ key: { concurrency: 1, whenFull: "drop-new" } });
  const queue = system.queue();
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      queue.enqueue("t", { n }, { key: "a", id: `a-${n}` }).then(
        () => "accepted",
        (error) => error.code,
      ),
    ),
  );
  expect(results.filter((result) => result === "accepted")).toHaveLength(1);
  expect(new Set(results)).toEqual(new Set(["accepted", "key_full"]));
  const batch = await queue.enqueueMany([task("b", 0), task("b", 1), task("a", 9), task("c", 0)]);
  expect(batch.map((result) => (result.ok ? "accepted" : result.error.code))).toEqual([
    "accepted",
    "key_full",
    "key_full",
    "accepted",
  ]);
  expect(await system.observer.stats("work")).toMatchObject({ pendingKeyed: 3, pending: 3 });
  // If a waiting task is cancelled, the queue has room for another one at once, even before a worker has removed its
  // entry.
  const [first] = batch;
  const b = first?.ok ? first.receipt.id : "";
  await system.observer.cancel("work", b);
  await queue.enqueue("t", {}, { key: "b" });
  const { open, opened } = gate();
  await system.started("work", { t: () => opened }, { concurrency: 5 });
  await until("all tasks run", async () => (await system.observer.stats("work")).processing === 3);
  await expect(queue.enqueue("t", {}, { key: "a" })).rejects.toMatchObject({ code: "key_full" });
  open();
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 3);
  await queue.enqueue("t", {}, { key: "a" });
  await until("a new task ran", async () => (await system.observer.stats("work")).completed === 4);
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("cancel-running: the newest task of a key replaces the tasks before it", async () => {
  const system = await withLimits({ key: { concurrency: 1, whenFull: "cancel-running" } });
  const queue = system.queue();
  const ended: string[] = [];
  const { open, opened } = gate();
  const { settled } = await system.started(
    "work",
    {
      t: async ({ payload }: HandlerTask, { signal }: HandlerContext) => {
        const { n } = payload as { n: number };
        try {
          await Promise.race([opened, untilAborted(signal)]);
          ended.push(`${n} ran`);
        } catch (error) {
          ended.push(`${n} stopped`);
          throw error;
        }
      },
    },
    { concurrency: 5 },
  );
  await queue.enqueue("t", { n: 0 }, { key: "a" });
  await until("the task runs", async () => (await system.observer.stats("work")).processing === 1);
  await Promise.all(
    Array.from({ length: 50 }, (_, n) => queue.enqueue("t", { n: n + 1 }, { key: "a", id: `a-${n + 1}` })),
  );
  await until("the first task stopped", () => ended.includes("0 stopped"));
  open();
  await until("one task is completed", async () => (await system.observer.stats("work")).completed === 1);
  expect(await system.observer.stats("work")).toMatchObject({
    cancelled: 50,
    pending: 0,
    processing: 0,
    completed: 1,
  });
  expect(ended.at(-1)).toBe("50 ran");
  expect(settled.length).toBeGreaterThan(0);
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("maxWaiting refuses tasks of a key that has too many, and counts neither running nor cancelled tasks", async () => {
  const system = await withLimits({ key: { concurrency: 1, maxWaiting: 2 } });
  const queue = system.queue();
  const { open, opened } = gate();
  await system.started("work", { t: () => opened }, { concurrency: 5 });
  await queue.enqueue("t", {}, { key: "a" });
  await until("the task runs", async () => (await system.observer.stats("work")).processing === 1);
  const results = await queue.enqueueMany([task("a", 1), task("a", 2), task("a", 3), task("b", 1)]);
  expect(results.map(({ ok }) => ok)).toEqual([true, true, false, true]);
  await system.observer.cancel("work", results[0]?.ok ? results[0].receipt.id : "");
  await queue.enqueue("t", {}, { key: "a", id: "again" });
  await expect(queue.enqueue("t", {}, { key: "a" })).rejects.toMatchObject({ code: "key_full" });
  // An enqueue with a known id is a duplicate and needs no room.
  expect(await queue.enqueue("t", {}, { key: "a", id: "again" })).toMatchObject({ duplicate: true });
  open();
  await until("all tasks have ended", async () => (await system.observer.stats("work")).completed === 4);
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("impossible policies are refused, and the error names the field and what it needs", async () => {
  const { limits } = (await setupSystem()).observer;
  const refused = (key: object) => limits.set("work", { key } as QueueLimits).catch((error) => error.message);
  expect(await refused({ ordered: true })).toContain(
    "key.ordered needs key.concurrency: 1, because tasks that run at the same time have no order. See docs/options.md#limit-of-keys",
  );
  expect(await refused({ onDead: "stop" })).toContain("key.onDead needs key.ordered: true");
  expect(await refused({ whenFull: "drop-new" })).toContain('key.whenFull: "drop-new" needs key.concurrency');
  expect(await refused({ whenFull: "drop" })).toContain(
    "key.whenFull has to be wait, drop-new or cancel-running",
  );
  expect(await refused({ maxWaiting: 0 })).toContain("key.maxWaiting has to be a whole number");
  const all: QueueLimits = {
    key: { concurrency: 1, ordered: true, onDead: "stop", whenFull: "drop-new", maxWaiting: 5 },
    fairBy: "time",
  };
  expect((await limits.set("work", all)).limits).toEqual(all);
  const only: QueueLimits = { key: { maxWaiting: 7 } };
  expect((await limits.set("work", only)).limits).toEqual(only);
});
