import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { FatalError, type HoldfastError, ManualWorker, type ManualWorkerOptions } from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { type System, setupSystem } from "./harness.ts";

async function manual(system: System, options: Partial<ManualWorkerOptions> = {}, queues = ["work"]) {
  const worker = new ManualWorker(queues, {
    redis: system.url,
    prefix: system.prefix,
    pollMs: 10_000,
    ...options,
  });
  const errors: HoldfastError[] = [];
  worker.on("error", (error) => errors.push(error));
  afterwards(() => worker.stop({ graceMs: 0 }));
  await worker.start();
  return { worker, errors };
}
const tasks = (count: number, type = "t") => Array.from({ length: count }, (_, n) => ({ type, payload: n }));
const LONG = { waitMs: 20_000 };

test("is shown as paused while no acquire waits, and why says so; an acquire shows it as running", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("other", 1);
  const { worker } = await manual(system, { types: ["t"] });
  const state = async () => (await system.observer.workers()).find((view) => view.id === worker.id)?.state;
  await until("the worker is shown as paused", async () => (await state()) === "paused");
  expect(await system.observer.why("work", id)).toMatchObject({ reason: "workers_paused" });
  const taken = worker.acquire(1, LONG);
  await until("the worker is shown as running", async () => (await state()) === "running");
  expect(await system.observer.why("work", id)).toMatchObject({ reason: "no_worker_for_type" });
  await system.queue().enqueue("t", 1);
  await (await taken)[0]?.complete();
  await until("the worker is shown as paused again", async () => (await state()) === "paused");
});

test("takes as many tasks as are asked for, and settles each in its own way", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueueMany(tasks(10));
  const { worker, errors } = await manual(system, { backoff: { baseMs: 60_000, jitter: "none" } });
  const taken = await worker.acquire(4, LONG);
  expect(taken.map(({ task }) => task.payload)).toEqual([0, 1, 2, 3]);
  expect(await system.observer.stats("work")).toMatchObject({ processing: 4, pending: 6 });
  expect(worker.busy).toBe(4);
  const [a, b, c, d] = taken;
  await a?.ctx.progress({ half: true });
  expect(await a?.complete({ n: 1 })).toBe("acked");
  expect(await a?.fail(new Error("too late"))).toBe("acked");
  expect(await b?.fail(new Error("no"))).toBe("retried");
  expect(await c?.fail(new FatalError("never"))).toBe("dead");
  expect(await d?.release()).toBe("released");
  expect(await queue.get(a?.task.id ?? "")).toMatchObject({
    state: "completed",
    resultText: '{"n":1}',
    progress: '{"half":true}',
  });
  expect(await queue.get(d?.task.id ?? "")).toMatchObject({ state: "pending", attempts: 0, releases: 1 });
  expect(await system.observer.stats("work")).toMatchObject({
    processing: 0,
    pending: 7,
    scheduled: 1,
    dead: 1,
    completed: 1,
  });
  expect(worker.busy).toBe(0);
  expect(errors).toEqual([]);
});

test("a loop that runs until no task waits runs every task once, over several queues", async () => {
  const system = await setupSystem();
  const names = ["a", "b"];
  for (const name of names) await system.queue(name).enqueueMany(tasks(60));
  const { worker } = await manual(system, {}, names);
  const seen: string[] = [];
  for (
    let some = await worker.acquire(25, LONG);
    some.length > 0;
    some = await worker.acquire(25, { waitMs: 300 })
  ) {
    expect(some.length).toBeLessThanOrEqual(25);
    for (const { task, complete } of some) {
      seen.push(`${task.queue} ${task.payload}`);
      expect(await complete()).toBe("acked");
    }
  }
  expect(new Set(seen).size).toBe(120);
  expect(seen).toHaveLength(120);
});

test("waits for a task that comes later, and resolves with an empty list if none comes", async () => {
  const system = await setupSystem();
  const { worker } = await manual(system);
  expect(await worker.acquire(5, { waitMs: 50 })).toEqual([]);
  const coming = worker.acquire(5, LONG);
  const next = worker.acquire(1, LONG);
  const { id } = await system.queue().enqueue("t", 0);
  const [first] = await coming;
  expect(first?.task.id).toBe(id);
  const other = await system.queue().enqueue("t", 1);
  expect((await next)[0]?.task.id).toBe(other.id);
  const abort = new AbortController();
  const aborted = worker.acquire(1, { ...LONG, signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(aborted).rejects.toThrow("enough");
  // This worker asks only when the test tells it to. So these tasks stay pending.
  await system.queue().enqueueMany(tasks(3));
  expect(await system.observer.stats("work")).toMatchObject({ processing: 2, pending: 3 });
});

test("renews the lease of a held task, and loses it when an operator takes the task", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("t", 0);
  const { worker } = await manual(system, { leaseMs: 300 });
  const [held] = await worker.acquire(1, LONG);
  const janitor = system.janitor();
  const enough = Date.now() + 1_200;
  while (Date.now() < enough) await janitor.runOnce();
  expect(await system.queue().get(id)).toMatchObject({ state: "processing", crashes: 0 });
  await system.queue().cancel(id);
  await until("the holder of the task is told", () => held?.ctx.signal.aborted === true);
  expect(await held?.fail(held.ctx.signal.reason)).toBe("cancelled");
});

test("an attempt that times out is settled, and a later call returns that outcome", async () => {
  const system = await setupSystem();
  await system.queue().enqueue("t", 0, { timeoutMs: 50, maxRetries: 0 });
  const { worker } = await manual(system);
  const [held] = await worker.acquire(1, LONG);
  await until("the attempt has timed out", () => held?.ctx.signal.aborted === true && worker.busy === 0);
  expect(await held?.complete()).toBe("dead");
});

test("acquires the types that it names, and no others", async () => {
  const system = await setupSystem();
  await system.queue().enqueueMany([...tasks(3, "report"), ...tasks(3, "email.send")]);
  const { worker } = await manual(system, { types: ["email.*"] });
  const types = [];
  while (types.length < 3)
    for (const { task, complete } of await worker.acquire(9, LONG)) {
      types.push(task.type);
      await complete();
    }
  expect(types).toEqual(["email.send", "email.send", "email.send"]);
  expect(await worker.acquire(9, { waitMs: 100 })).toEqual([]);
});

test("a stop hands back the held tasks, and ends a waiting call", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueueMany(tasks(3));
  const { worker } = await manual(system);
  const held = await worker.acquire(3, LONG);
  const waiting = worker.acquire(1, LONG);
  const late = expect(waiting).rejects.toMatchObject({ code: "closed" });
  await worker.stop({ graceMs: 0 });
  await late;
  expect(await held[0]?.complete()).toBe("released");
  expect(await system.observer.stats("work")).toMatchObject({ pending: 3, processing: 0 });
  expect((await queue.get(held[0]?.task.id ?? ""))?.attempts).toBe(0);
  await expect(worker.acquire(1)).rejects.toMatchObject({ code: "closed" });
});

test("invalid input is refused, and the error names it", async () => {
  const redis = "redis://127.0.0.1:1";
  expect(() => new ManualWorker("work", { redis, concurrency: 5 } as never)).toThrow(
    "acquire(count) says how many",
  );
  expect(() => new ManualWorker("work", { redis, types: ["a b"] })).toThrow(
    "types has to be a list of task types",
  );
  expect(() => new ManualWorker("no queue", { redis })).toThrow("is not a valid queue name");
  const worker = new ManualWorker("work", { redis });
  await expect(worker.acquire(0)).rejects.toThrow("count has to be a whole number from 1 to 1000, got 0");
  await expect(worker.acquire(1, { waitMs: -1 })).rejects.toThrow("waitMs has to be");
  await worker.stop();
});
