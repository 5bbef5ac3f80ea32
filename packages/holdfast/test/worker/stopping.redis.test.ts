import { startRedisServer, until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { type HoldfastError, Janitor, Queue, Worker } from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { gate, setupSystem, untilAborted } from "./harness.ts";

test("a stop lets tasks finish within the grace and hands the others back with their attempts refunded", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const end = gate();
  let running = 0;
  let reason: unknown;
  const { worker, settled } = await system.started(
    "work",
    {
      short: async () => {
        running++;
        await end.opened;
        return "finished";
      },
      long: (_, ctx) => {
        running++;
        return untilAborted(ctx.signal).catch((error) => {
          reason = error;
          throw error;
        });
      },
      stubborn: () => {
        running++;
        return new Promise(() => {});
      },
    },
    { concurrency: 3 },
  );
  const results = await queue.enqueueMany(
    ["short", "long", "stubborn"].map((type) => ({ type, payload: 0 })),
  );
  const [short, long, stubborn] = results.map((result) => (result.ok ? result.receipt.id : ""));
  await until("all three tasks run", () => running === 3);
  const waiting = await queue.enqueue("short", null);

  const stoppedAt = performance.now();
  const stopping = worker.stop({ graceMs: 500 });
  end.open();
  await stopping;
  const tookMs = performance.now() - stoppedAt;
  expect(tookMs).toBeGreaterThanOrEqual(500);
  expect(tookMs).toBeLessThan(10_000);
  expect(await queue.get(short ?? "")).toMatchObject({ state: "completed", resultText: '"finished"' });
  for (const id of [long, stubborn]) {
    expect(await queue.get(id ?? "")).toMatchObject({
      state: "pending",
      attempts: 0,
      failures: 0,
      crashes: 0,
      releases: 1,
    });
  }
  expect(reason).toMatchObject({ reason: "shutdown" });
  expect(await queue.get(waiting.id)).toMatchObject({ state: "pending", attempts: 0, releases: 0 });
  expect(settled.map((event) => event.outcome).sort()).toEqual(["acked", "released", "released"]);

  // The next worker gets the tasks, and their interrupted attempt does not count.
  const attempts: number[] = [];
  const done = (task: { attempt: number }) => void attempts.push(task.attempt);
  await system.started("work", { short: done, long: done, stubborn: done });
  await until("the remaining tasks ran", () => attempts.length === 3);
  expect(attempts).toEqual([1, 1, 1]);
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("a stop without work ends at once, however often it is called", async () => {
  const system = await setupSystem();
  const { worker } = await system.started("work", { any: () => 1 });
  const startedAt = performance.now();
  const first = worker.stop();
  await Promise.all([first, worker.stop({ graceMs: 1 })]);
  await worker.stop();
  expect(performance.now() - startedAt).toBeLessThan(8_000);
  await expect(worker.start()).rejects.toMatchObject({ code: "closed" });
});

test("a worker that was never started can be stopped", async () => {
  const system = await setupSystem();
  await system.worker("work", {}).worker.stop();
});

test("after ten releases of one task, a release uses up the attempt", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const { id } = await queue.enqueue("long", null, { maxRetries: 0 });
  for (let round = 1; round <= 11; round++) {
    const running = gate();
    const { worker } = await system.started("work", {
      long: (_, ctx) => {
        running.open();
        return untilAborted(ctx.signal);
      },
    });
    await running.opened;
    await worker.stop({ graceMs: 0 });
    if (round <= 10)
      expect(await queue.get(id)).toMatchObject({ state: "pending", attempts: 0, releases: round });
  }
  expect(await queue.get(id)).toMatchObject({ state: "dead", deadReason: "releases_exhausted", attempts: 1 });
});

test("a second stop with a shorter grace shortens the first, and one with a longer grace changes nothing", async () => {
  const system = await setupSystem();
  const aborted = gate();
  let isRunning = false;
  const { worker } = await system.started("work", {
    long: (_, ctx) => {
      isRunning = true;
      ctx.signal.addEventListener("abort", () => aborted.open());
      return untilAborted(ctx.signal);
    },
  });
  const { id } = await system.queue().enqueue("long", null);
  await until("the task runs", () => isRunning);
  const stoppedAt = performance.now();
  const first = worker.stop({ graceMs: 60_000 });
  const longer = worker.stop({ graceMs: 120_000 });
  await worker.stop({ graceMs: 0 });
  await Promise.all([aborted.opened, first, longer]);
  expect(performance.now() - stoppedAt).toBeLessThan(20_000);
  expect(await system.queue().get(id)).toMatchObject({ state: "pending", releases: 1 });
});

test("if a worker is stopped at any moment of its start, the start fails as closed, and nothing continues", async () => {
  const system = await setupSystem();
  const partitioned = new Queue("hot", {
    redis: system.url,
    prefix: system.prefix,
    partitions: 2,
  });
  await partitioned.partitions();
  await partitioned.close();
  const options = { redis: system.url, prefix: system.prefix };
  const makes = [
    () => new Worker("work", { t: () => 1 }, options),
    () => new Worker("hot", { t: () => 1 }, options),
    () => new Janitor(options),
  ];
  for (const make of makes) {
    for (const turns of [0, 1, 2, 3, 5, 8, 13, 21, 34, 55]) {
      const part = make();
      const errors: unknown[] = [];
      (part as Worker).on("error", (error) => errors.push(error));
      const starting = part.start().then(
        () => "started",
        (error: HoldfastError) => error.code,
      );
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      await part.stop({ graceMs: 1_000 });
      expect(["closed", "started"]).toContain(await starting);
      await expect(part.start()).rejects.toMatchObject({ code: "closed" });
      expect(errors).toEqual([]);
    }
  }
  // The registry also shows the workers as stopped.
  await until("no worker runs", async () =>
    (await system.observer.workers()).every(({ state }) => state === "stopped"),
  );
});

test.each(["SIGKILL", "SIGSTOP"] as const)(
  "a stop while Redis is unavailable (%s) does not exceed its grace",
  async (signal) => {
    const server = await startRedisServer();
    afterwards(() => server.stop());
    const system = await setupSystem(server.url);
    const redis = { url: server.url, commandTimeoutMs: 60_000 };
    const options = { redis, prefix: system.prefix };
    let isRunning = false;
    const forever = () => {
      isRunning = true;
      return new Promise(() => {});
    };
    const busy = new Worker("work", { forever }, options);
    const idle = new Worker("idle", { t: () => 1 }, options);
    const queue = new Queue("hot", { redis: server.url, prefix: system.prefix, partitions: 2 });
    await queue.partitions();
    await queue.close();
    const partitioned = new Worker("hot", { t: () => 1 }, options);
    const janitor = new Janitor({ ...options, sweepIntervalMs: 20 });
    const parts = [busy, idle, partitioned, janitor];
    for (const part of parts) {
      (part as Worker).on("error", () => {});
      await part.start();
    }
    await system.queue().enqueue("forever", null);
    await until("the task runs", () => isRunning);
    if (signal === "SIGKILL") await server.kill();
    else server.signal(signal);
    if (signal === "SIGKILL")
      await until("the worker notices the outage", () => busy.lastGoodPollAgeMs() > 100);
    const stoppedAt = performance.now();
    await Promise.all(parts.map((part) => part.stop({ graceMs: 300 })));
    const tookMs = performance.now() - stoppedAt;
    server.signal("SIGCONT");
    expect(tookMs).toBeGreaterThan(250);
    // If Redis hangs, the worker waits up to 3 s more to hand back its running tasks.
    expect(tookMs).toBeLessThan(15_000);
  },
);
