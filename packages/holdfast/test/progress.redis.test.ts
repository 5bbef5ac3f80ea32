import { expect, test } from "vitest";
import { encodeLogLine } from "../src/engine/text.ts";
import { setup } from "./support/setup.ts";

test("the holder writes progress and log lines; the last progress counts", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  expect(await q.engine.progress(id, fence, { progress: '{"done":1}' })).toBe(true);
  expect(await q.engine.progress(id, fence, { line: encodeLogLine("one", "info") })).toBe(true);
  expect(
    await q.engine.progress(id, fence, { progress: '{"done":2}', line: encodeLogLine("50%\ntwo", "error") }),
  ).toBe(true);
  expect(await q.task("a")).toMatchObject({ progress: '{"done":2}', log: ["one", "50%\ntwo"] });
});

test("a line has its time and level; a line of an earlier version has no time", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  await q.redis.hset(q.keys.progress, id, "1\nold%0Aline\ndone\tinfo\tnot a mark");
  await q.engine.progress(id, fence, { line: encodeLogLine("7\tinfo\tspoof", "warn") });
  const { log, logMarks } = await q.task("a");
  expect(log).toEqual(["old\nline", "done\tinfo\tnot a mark", "7\tinfo\tspoof"]);
  expect(logMarks).toEqual([
    { at: null, level: "info" },
    { at: null, level: "info" },
    { at: expect.any(Number), level: "warn" },
  ]);
});

test("at most 50 lines are kept, the oldest are dropped", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  for (let i = 0; i < 53; i++) await q.engine.progress(id, fence, { line: encodeLogLine(`l${i}`, "info") });
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
