import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("sets what is given and keeps the rest, the pause included", async () => {
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
  });
  const all = {
    ...{ maxWaiting: 0, retentionMs: 1, retentionCount: 2, idempotencyMs: 1_790_000_000_000_000 },
    durability: "fsynced" as const,
    ...{ maxDead: 1_000_000_000, maxDeadAgeMs: 1_790_000_000_000_000 },
  };
  expect(await q.engine.configure(all)).toEqual(all);
  expect(await q.engine.configure({ maxDead: 7 })).toEqual({ ...all, maxDead: 7 });
  expect(await q.engine.configure({ maxDead: 1_000_000_000 })).toEqual(all);
  expect(await q.stats()).toMatchObject({ paused: true, pauseReason: "x", settings: all });
});

test("a queue written by a newer layout is left alone", async () => {
  const q = await setup();
  q.corrupted = true;
  const newer = "3 0 0 86400000 10000 3600000 ";
  await q.redis.hset(q.keys.state, "#settings", newer);
  await expect(q.engine.configure({ maxWaiting: 5 })).rejects.toMatchObject({ code: "layout_too_new" });
  await expect(q.engine.pause(true)).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.hget(q.keys.state, "#settings")).toBe(newer);
});
