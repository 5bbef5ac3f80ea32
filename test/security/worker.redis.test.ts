import { until } from "@holdfast/testing";
import { Observer, Queue, type StaleVerdict, Worker } from "holdfast";
import { expect, test } from "vitest";
import { clientOf, expectLeast, helper, prefix } from "./roles.ts";
import { methodsOf, noting, startSecuredRedis, watch } from "./secured-redis.ts";

test("the user worker has exactly the rights that a worker needs", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  const split = new Queue("split", { client: admin, partitions: 2 });
  await split.partitions();
  await queue.enqueue("warm-up", 1, { delayMs: 3_600_000 });
  await redis.admin.script("FLUSH");
  const seen = await watch(redis);
  await clientOf(redis, "worker");

  const called = new Set<string>();
  const opened = new Map<string, () => void>();
  const held = (task: { id: string }, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve, reject) => {
      opened.set(task.id, resolve);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  // The first attempt runs until the test ends it. Later attempts end at once.
  const stubborn = (task: { id: string }, { attempt }: { attempt: number }) =>
    attempt > 1 ? null : new Promise<void>((resolve) => void opened.set(task.id, resolve));
  let failed = 0;
  const worker = noting(
    new Worker(
      "work",
      {
        ok: async (_, ctx) => {
          await ctx.progress({ half: true });
          await ctx.checkpoint((await ctx.readCheckpoint()) ?? 1);
          await ctx.log("a line");
          return "done";
        },
        fails: () => {
          failed++;
          throw new Error("no");
        },
        held,
        stubborn,
        steps: async (_, ctx) => {
          const long = await ctx.step("long", () => "x".repeat(2_000));
          await ctx.sleep(1_001);
          const signal = await ctx.waitFor("go");
          return [long.length, signal?.data, await ctx.call("ok", null)];
        },
        adds: (_, ctx) => ctx.flow?.add([{ name: "added", type: "ok" }]),
        spreads: (_, ctx) => ctx.flow?.add([{ name: "added", type: "ok", queue: "far" }]),
        reads: async (_, ctx) => {
          for await (const { result } of ctx.children()) if (result?.added === 1) return "read";
          return null;
        },
      },
      { redis: redis.url("worker"), prefix, leaseMs: 600, pollMs: 10_000, backoff: { baseMs: 1, maxMs: 1 } },
    ),
    called,
  );
  const errors: string[] = [];
  const stale: StaleVerdict[] = [];
  const renewals: string[] = [];
  worker.on("error", (error) => errors.push(error.message));
  worker.on("stale", (verdict) => stale.push(verdict));
  worker.on("renewal", ({ outcome }) => renewals.push(outcome));
  worker.use((_task, _ctx, next) => next());
  worker.pause();
  await worker.start();
  worker.resume();
  worker.setConcurrency(5);
  expect(worker.lastGoodPollAgeMs()).toBeGreaterThanOrEqual(0);
  expect(worker.stalledMs()).toBe(0);

  // The worker polls only every 10 s, so every task starts by a push or a wake-up.
  const state = async (id: string) => (await queue.get(id))?.state;
  await queue.enqueue("ok", 1, { id: "ok" });
  expect(await queue.result("ok", { waitMs: 5_000 })).toMatchObject({
    resultText: '"done"',
    log: ["a line"],
  });
  await queue.flow({
    id: "flow",
    nodes: [
      { name: "adds", type: "adds" },
      { name: "reads", type: "reads", after: ["adds"] },
    ],
  });
  expect(await queue.result("flow.reads", { waitMs: 5_000 })).toMatchObject({ resultText: '"read"' });
  await queue.enqueue("steps", 1, { id: "steps" });
  await queue.signal("steps", "go", 1);
  expect(await queue.result("steps", { waitMs: 5_000 })).toMatchObject({ resultText: '[2000,1,"done"]' });
  await new Observer({ client: admin }).configure("far", { retentionCount: 5 });
  await queue.flow({ id: "over", nodes: [{ name: "a", type: "spreads" }] });
  const far = new Queue("far", { client: admin });
  await until("it is in the other queue", async () => (await far.get("over.a.added")) !== null);
  await queue.enqueue("fails", 1, { id: "dies", maxRetries: 0 });
  await until("the task is dead", async () => (await state("dies")) === "dead");
  await queue.enqueue("fails", 1, { id: "retried" });
  await until("the task was tried twice and waits", () => failed >= 2);
  await queue.enqueue("unheard-of", 1, { id: "unrouted" });
  await queue.enqueue("held", 1, { id: "cancelled" });
  await until("the task runs", () => opened.has("cancelled"));
  await queue.cancel("cancelled");
  await until("the task is cancelled", async () => (await state("cancelled")) === "cancelled");
  await queue.enqueue("stubborn", 1, { id: "late" });
  await until(
    "the task runs and its lease was renewed",
    () => opened.has("late") && renewals.includes("renewed"),
  );
  const engine = admin.engine("work");
  await until("the lease of the task has expired", async () => {
    await admin.connection.command("ZADD", engine.keys.processing, 1, "late");
    await engine.reap(10);
    return (await state("late")) === "pending" || ((await queue.get("late"))?.attempts ?? 0) > 1;
  });
  opened.get("late")?.();
  await until("the late verdict is in the ledger", () => stale.length === 1);
  await until(
    "the worker is in the registry",
    async () => (await new Observer({ client: admin }).workers()).length === 1,
  );

  const parts = noting(
    new Worker("split", { ok: () => "done" }, { redis: redis.url("worker"), prefix }),
    called,
  );
  parts.on("error", (error) => errors.push(error.message));
  await parts.start();
  expect(parts.lastGoodPollAgeMs()).toBeGreaterThanOrEqual(0);
  expect(parts.stalledMs()).toBe(0);
  const { id } = await split.enqueue("ok", 1);
  expect(await split.result(id, { waitMs: 5_000 })).toMatchObject({ state: "completed" });
  await parts.addQueue("added");
  await parts.removeQueue("added");
  // A worker may be the first process that registers a queue.
  const first = new Worker("first", {}, { redis: redis.url("worker"), prefix });
  await first.start();

  await seen.note();
  await first.stop({ graceMs: 0 });
  await queue.enqueue("held", 1, { id: "handed-back" });
  await until("the task runs", () => opened.has("handed-back"));
  await worker.stop({ graceMs: 0 });
  expect(await queue.get("handed-back")).toMatchObject({ state: "pending", attempts: 0 });
  await parts.stop();
  expect(methodsOf(Worker).filter((name) => !called.has(name))).toEqual([]);
  expect(errors).toEqual([]);
  await expectLeast(redis, seen, "worker");
});
