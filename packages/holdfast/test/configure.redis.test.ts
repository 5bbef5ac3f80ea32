import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("sets the given values and keeps all others, including the pause", async () => {
  const q = await setup();
  await q.engine.pause(true, "x");
  expect(await q.engine.configure({ maxWaiting: 5 })).toEqual({
    maxWaiting: 5,
    retentionMs: 86_400_000,
    retentionCount: 10_000,
    idempotencyMs: 3_600_000,
    durability: "memory",
    maxDead: 0,
    maxDeadAgeMs: 0,
    maxEvents: 0,
  });
  const all = {
    ...{ maxWaiting: 0, retentionMs: 1, retentionCount: 2, idempotencyMs: 1_790_000_000_000_000 },
    durability: "fsynced" as const,
    maxEvents: 9,
    ...{ maxDead: 1_000_000_000, maxDeadAgeMs: 1_790_000_000_000_000 },
  };
  expect(await q.engine.configure(all)).toEqual(all);
  expect(await q.engine.configure({ maxDead: 7 })).toEqual({ ...all, maxDead: 7 });
  expect(await q.engine.configure({ maxDead: 1_000_000_000 })).toEqual(all);
  expect(await q.stats()).toMatchObject({ paused: true, pauseReason: "x", settings: all });
});

test("while a queue keeps events, its layout says so, and versions that write no events refuse it", async () => {
  const q = await setup();
  const layout = async () => (await q.redis.hget(q.keys.state, "#settings"))?.split(" ", 1)[0];
  await q.add("a", { key: "k" });
  expect(await layout()).toBe("2");
  await q.engine.configure({ maxEvents: 100 });
  await q.engine.pause(true, "why");
  await q.engine.configure({ maxWaiting: 7 });
  expect(await q.stats()).toMatchObject({ pauseReason: "why", settings: { maxWaiting: 7, maxEvents: 100 } });
  expect(await layout()).toBe("3");
  await q.add("b");
  expect(await q.redis.exists(q.keys.events)).toBe(1);
  expect(await q.engine.configure({ maxEvents: 0 })).toMatchObject({ maxWaiting: 7, maxEvents: 0 });
  expect(await layout()).toBe("2");
  expect(await q.redis.exists(q.keys.events)).toBe(0);
});

test("a queue that was written with a newer layout is not changed", async () => {
  const q = await setup();
  q.corrupted = true;
  const newer = "5 0 0 86400000 10000 3600000 ";
  await q.redis.hset(q.keys.state, "#settings", newer);
  await expect(q.engine.configure({ maxWaiting: 5 })).rejects.toMatchObject({ code: "layout_too_new" });
  await expect(q.engine.pause(true)).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.hget(q.keys.state, "#settings")).toBe(newer);
});
