import { expect, test } from "vitest";
import { changeKey } from "../src/engine/limits.ts";
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
    },
  });
  expect(Object.values(stats.totals)).toEqual(new Array(15).fill(0));
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

test("a record that cannot be read has no age, and breaks nothing", async () => {
  const q = await setup();
  await q.engine.enqueue({ checked: false, high: 0, normal: 1, low: 0, tail: ["bad", "no header"] });
  expect(await q.stats()).toMatchObject({ pending: 1, oldestPendingAgeMs: 0 });
});

test("the oldest task with a key counts, whatever holds its key", async () => {
  const q = await setup();
  await q.add("a1", { key: "a" });
  await changeKey(q.engine, "a", { holdMs: 60_000 });
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
