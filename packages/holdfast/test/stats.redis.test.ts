import { expect, test } from "vitest";
import { changeKey, setLimits } from "../src/engine/limits.ts";
import { setup } from "./support/setup.ts";

test("a queue that never had a task has zeros and the defaults", async () => {
  const q = await setup();
  const stats = await q.stats();
  expect(stats).toMatchObject({
    at: q.now,
    paused: false,
    partitions: null,
    oldestPendingAgeMs: 0,
    settings: {
      maxWaiting: 0,
      retentionMs: 86_400_000,
      retentionCount: 10_000,
      idempotencyMs: 3_600_000,
      durability: "memory",
      maxDead: 0,
      maxDeadAgeMs: 0,
      maxEvents: 0,
    },
  });
  expect(Object.values(stats.totals)).toEqual(new Array(16).fill(0));
  expect(await q.redis.exists(...Object.values(q.keys))).toBe(0);
});

test("counts the tasks in each state and band, and their moves", async () => {
  const q = await setup();
  await q.add(["done", "running"]);
  await q.ack((await q.acquire(2)).grants[0] ?? { id: "", fence: "" });
  await q.addDead("dead");
  await q.add("cancelled");
  await q.engine.cancel("cancelled");
  await q.add("old", { expiresAt: 1 });
  await q.acquire(2);
  await q.add("later", { delayMs: 5 });
  await q.add(["h1", "h2"], { priority: "high" });
  q.advance(1_500);
  await q.add("n", {});
  q.advance(500);
  expect(await q.stats()).toMatchObject({
    pending: 3,
    pendingByPriority: { high: 2, normal: 1, low: 0 },
    processing: 1,
    scheduled: 1,
    completed: 1,
    dead: 1,
    cancelled: 1,
    expired: 1,
    oldestPendingAgeMs: 2_000,
    totals: { enqueued: 9, attempts: 3, acked: 1, failed: 1, deadLettered: 1, cancelled: 1, expired: 1 },
  });
});

const none = { keysReady: 0, keysResting: 0, keysHeld: 0, heldUntil: null };

test("without limits all pending tasks may run, and none while the queue is paused", async () => {
  const q = await setup();
  await q.add(["x1", "x2"]);
  expect((await q.stats()).flow).toEqual({ runnable: 2, concurrency: null, ...none });
  await q.add(["a1", "a2"], { key: "a" });
  expect((await q.stats()).flow).toEqual({ runnable: 4, concurrency: null, ...none, keysReady: 1 });
  await q.engine.pause(true);
  expect((await q.stats()).flow.runnable).toBe(0);
});

test("as many tasks may run as the limits of the queue and of the keys leave", async () => {
  const q = await setup();
  await setLimits(q.engine, { queue: { concurrency: 4 }, key: { concurrency: 2 } });
  await q.add(["x1"]);
  for (const key of ["a", "b"]) await q.add([`${key}1`, `${key}2`, `${key}3`], { key });
  expect((await q.stats()).flow).toMatchObject({ runnable: 4, concurrency: 4, keysReady: 2 });
  await q.acquire(1);
  await changeKey(q.engine, { key: "a" }, { holdMs: 60_000 });
  // The queue has room for three more tasks, but only two can start: two of key b, or one of b and x1. The key a is
  // held.
  expect((await q.stats()).flow).toMatchObject({ runnable: 2, keysReady: 1, keysHeld: 1 });
  expect((await q.stats()).flow.heldUntil).toBe(q.now + 60_000);
  await q.acquire(4);
  expect((await q.stats()).flow).toMatchObject({ runnable: 0, keysReady: 0 });
});

test("a rate lets as many tasks run as may start now, and a hold of the queue none", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { rate: { limit: 10, periodMs: 1_000, burst: 3 } } });
  await q.add(["a1", "a2", "a3", "a4", "a5"], { key: "a" });
  expect((await q.stats()).flow).toMatchObject({ runnable: 3, concurrency: null });
  await changeKey(q.engine, "queue", { holdMs: 5_000 });
  expect((await q.stats()).flow).toMatchObject({ runnable: 0, keysHeld: 0, heldUntil: q.now + 5_000 });
});

test("ready keys after the first 100 count as the mean of those 100", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { concurrency: 2 } });
  for (let n = 0; n < 150; n++) await q.add([`a${n}`, `b${n}`, `c${n}`], { key: `k${n}` });
  expect((await q.stats()).flow).toMatchObject({ runnable: 300, keysReady: 150 });
});

test("a record that cannot be read has no age and causes no error", async () => {
  const q = await setup();
  await q.engine.enqueue({ checked: false, high: 0, normal: 1, low: 0, tail: ["bad", "no header"] });
  expect(await q.stats()).toMatchObject({ pending: 1, oldestPendingAgeMs: 0 });
});

test("the oldest task with a key counts, whatever holds its key", async () => {
  const q = await setup();
  await q.add("a1", { key: "a" });
  await changeKey(q.engine, { key: "a" }, { holdMs: 60_000 });
  q.advance(500);
  await q.add("b1", { key: "b" });
  await q.add("x");
  expect(await q.stats()).toMatchObject({
    ...{ pending: 3, pendingKeyed: 2, oldestPendingAgeMs: 500 },
    pendingByPriority: { high: 0, normal: 1, low: 0 },
  });
  await q.engine.cancel("a1");
  expect(await q.stats()).toMatchObject({ pending: 2, pendingKeyed: 1, oldestPendingAgeMs: 0 });
});
