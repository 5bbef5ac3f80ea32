import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

test("the holder writes progress and log lines; the last progress counts", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  expect(await q.engine.progress(id, fence, { progress: '{"done":1}' })).toBe(true);
  expect(await q.engine.progress(id, fence, { line: "one" })).toBe(true);
  expect(await q.engine.progress(id, fence, { progress: '{"done":2}', line: "50%25%0Atwo" })).toBe(true);
  expect(await q.task("a")).toMatchObject({ progress: '{"done":2}', log: ["one", "50%\ntwo"] });
});

test("at most 50 lines are kept, the oldest are dropped", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  for (let i = 0; i < 53; i++) await q.engine.progress(id, fence, { line: `l${i}` });
  const { log, progress } = await q.task("a");
  expect(log).toEqual(Array.from({ length: 50 }, (_, i) => `l${i + 3}`));
  expect(progress).toBeNull();
});

test("a stale token, an unknown task and a task that is not running write nothing (I5)", async () => {
  const q = await setup();
  await q.add(["a", "waiting"]);
  const first = await q.grant();
  await q.crash();
  const second = await q.grant();
  expect(second.id).toBe("a");
  expect(await q.engine.progress("a", first.fence, { progress: "1", line: "late" })).toBe(false);
  expect(await q.engine.progress("waiting", first.fence, { progress: "1" })).toBe(false);
  expect(await q.engine.progress("nobody", "1-x", { progress: "1" })).toBe(false);
  expect(await q.redis.exists(q.keys.progress)).toBe(0);
  await q.ack(second);
  expect(await q.engine.progress("a", second.fence, { progress: "1" })).toBe(false);
});
