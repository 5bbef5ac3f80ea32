import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { type HandlerContext, type HandlerTask, Postpone } from "../../src/index.ts";
import { gate, setupSystem } from "./harness.ts";

test("the next attempt reads the checkpoint after an error, a stop and a crash, and progress and log are kept too", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const read: unknown[] = [];
  const { worker } = await system.started("work", {
    long: async ({ attempt }: HandlerTask, ctx: HandlerContext) => {
      read.push(await ctx.readCheckpoint());
      await ctx.progress({ attempt });
      await ctx.checkpoint({ page: attempt, text: "a\tb\nc" });
      await ctx.log(`attempt\t${attempt}`);
      if (attempt === 1) throw new Error("once more");
      await sleep(600_000, undefined, { signal: ctx.signal });
    },
  });
  const { id } = await queue.enqueue("long", null, { backoff: { kind: "fixed", baseMs: 1, jitter: "none" } });
  await until(
    "the second attempt has kept its log lines",
    async () => (await queue.get(id))?.log.length === 2,
  );
  expect(await queue.get(id)).toMatchObject({
    progress: '{"attempt":2}',
    checkpointBytes: Buffer.byteLength('{"page":2,"text":"a\\tb\\nc"}'),
    log: ["attempt\t1", "attempt\t2"],
  });
  await worker.stop({ graceMs: 1 });
  const [nobody] = await system.grantToNobody("work", 1, 400);
  expect(nobody).toBe(id);
  await system.janitor({ sweepIntervalMs: 50 }).start();
  await system.started("work", {
    long: async (_: HandlerTask, ctx: HandlerContext) => read.push(await ctx.readCheckpoint()),
  });
  expect(await queue.result(id, { waitMs: 20_000 })).toMatchObject({ state: "completed", crashes: 1 });
  expect(read).toEqual([undefined, { page: 1, text: "a\tb\nc" }, { page: 2, text: "a\tb\nc" }]);
});

test("a checkpoint is refused if it cannot be stored, and if the lease is lost", async () => {
  const system = await setupSystem();
  const errors: unknown[] = [];
  const running = gate();
  const lost = gate();
  await system.started("work", {
    t: async (_: HandlerTask, ctx: HandlerContext) => {
      for (const value of [undefined, 5n, "x".repeat(65_536)])
        await ctx.checkpoint(value).catch((error: unknown) => errors.push(error));
      running.open();
      await lost.opened;
      await ctx.checkpoint("late").catch((error: unknown) => errors.push(error));
    },
  });
  const { id } = await system.queue().enqueue("t", null);
  await running.opened;
  const [record] = await system.client.engine("work").get([id]);
  await system.redis.hset(system.keys().state, id, record?.record.replace(/ \S+/, " 9-other") ?? "");
  lost.open();
  await until("the last checkpoint is refused", () => errors.length === 4);
  expect(errors).toMatchObject([
    { code: "invalid_argument" },
    { code: "invalid_argument" },
    { code: "payload_too_large", message: expect.stringContaining("more than 65536") },
    { code: "conflict", message: expect.stringContaining("its lease is lost") },
  ]);
  expect((await system.queue().get(id))?.checkpointBytes).toBeNull();
  await system.redis.hset(system.keys().state, id, record?.record ?? "");
});

test("a postponed task loses no attempt, has the reason in its history, and runs at its time", async () => {
  const system = await setupSystem();
  let calls = 0;
  await system.janitor({ sweepIntervalMs: 50 }).start();
  await system.started("work", {
    t: ({ attempt }: HandlerTask) => {
      if (++calls < 3) throw new Postpone(30, "the file is not there yet");
      return attempt;
    },
  });
  const queue = system.queue();
  const { id } = await queue.enqueue("t", null, { maxRetries: 0 });
  const done = await queue.result(id, { waitMs: 20_000 });
  expect(done).toMatchObject({ state: "completed", resultText: "1", attempts: 1, failures: 0 });
  const told = done?.history.filter(({ outcome }) => outcome === "released") ?? [];
  expect(told.map(({ error }) => error?.split("\n")[0])).toEqual([
    "Postpone: the file is not there yet",
    "Postpone: the file is not there yet",
  ]);
  expect((told[1]?.startedAt ?? 0) - (told[0]?.endedAt ?? 0)).toBeGreaterThanOrEqual(30);
});

test.each([0, Number.NaN, -5, 1e12])("Postpone refuses %j", (delayMs) => {
  expect(() => new Postpone(delayMs)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
});
