import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("refuses a queue that is not paused", async () => {
  const q = await setup();
  expect(await q.engine.delete()).toBe("not_paused");
});

test("refuses a queue that holds a task in any state", async () => {
  const q = await setup();
  await q.add("a");
  await q.engine.pause(true);
  expect(await q.engine.delete()).toBe("busy");
  await q.engine.pause(false);
  const grant = await q.grant();
  await q.engine.pause(true);
  expect(await q.engine.delete()).toBe("busy");
  await q.ack(grant);
  expect(await q.engine.delete()).toBe("busy");
  expect((await q.task("a")).state).toBe("completed");
});

test("removes every key of an empty queue, including remembered ids and requests", async () => {
  const q = await setup();
  await q.add("a", { fingerprint: "fp" });
  await q.ack(await q.grant(), "1");
  await q.engine.pause(true);
  await q.engine.empty("completed", "completed", 10);
  expect(await q.engine.delete()).toBe("deleted");
  expect(await q.redis.keys(`queue:{${q.name}}:*`)).toEqual([]);
});
