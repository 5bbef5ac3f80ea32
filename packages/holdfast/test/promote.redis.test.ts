import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("due tasks become pending in the order in which they were due, never early (I9)", async () => {
  const q = await setup();
  await q.add("second", { delayMs: 20 });
  await q.add("first", { delayMs: 10 });
  await q.add("third", { delayMs: 30 });
  q.advance(9);
  expect(await q.engine.promote(10)).toMatchObject({ promoted: 0, nextInMs: 1 });
  q.advance(11);
  expect(await q.engine.promote(10)).toMatchObject({ promoted: 2, nextInMs: 10 });
  expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["first", "second"]);
  q.advance(10);
  expect(await q.engine.promote(10)).toMatchObject({ promoted: 1, nextInMs: -1 });
  expect((await q.stats()).totals.promoted).toBe(3);
});

test("each task goes to its band", async () => {
  const q = await setup();
  await q.add("h", { delayMs: 1, priority: "high" });
  await q.add("n", { delayMs: 1 });
  await q.add("l", { delayMs: 1, priority: "low" });
  q.advance(1);
  await q.engine.promote(10);
  expect((await q.stats()).pendingByPriority).toEqual({ high: 1, normal: 1, low: 1 });
});

test("a call moves no more than its limit and says that more are due", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"], { delayMs: 1 });
  q.advance(1);
  expect(await q.engine.promote(2)).toMatchObject({ promoted: 2, nextInMs: 0 });
  expect(await q.engine.promote(2)).toMatchObject({ promoted: 1, nextInMs: -1 });
});

test("a retry keeps its history", async () => {
  const q = await setup();
  await q.add("a");
  await q.fail(await q.grant(), "Error: x", 10);
  q.advance(10);
  await q.engine.promote(10);
  expect(await q.task("a")).toMatchObject({ state: "pending", failures: 1, lastError: "Error: x" });
});

test("a task that crashed its worker twice, then failed, comes back to run alone", async () => {
  const q = await setup();
  await q.add("a");
  for (let i = 0; i < 2; i++) {
    await q.grant();
    await q.crash();
  }
  await q.fail(await q.grant(), "x", 10);
  q.advance(10);
  await q.engine.promote(10);
  expect((await q.stats()).pendingSolo).toBe(1);
});

test("an entry without a scheduled task is dropped", async () => {
  const q = await setup();
  await q.redis.zadd(q.keys.scheduled, 1, "ghost");
  expect(await q.engine.promote(10)).toMatchObject({ promoted: 0, nextInMs: -1 });
  expect(await q.redis.exists(q.keys.scheduled)).toBe(0);
});

test("a queue that was written with a newer layout is not changed", async () => {
  const q = await setup();
  await q.add("a", { delayMs: 1 });
  q.advance(1);
  q.corrupted = true;
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  await expect(q.engine.promote(10)).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.zcard(q.keys.scheduled)).toBe(1);
});
