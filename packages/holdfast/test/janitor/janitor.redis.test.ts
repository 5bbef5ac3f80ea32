import { startRedisServer, until } from "@holdfast/testing";
import { expect, test } from "vitest";
import {
  type AuditReport,
  FatalError,
  type HoldfastError,
  Schedules,
  type SweptEvent,
} from "../../src/index.ts";
import { setupSystem } from "../worker/harness.ts";

const tasks = (count: number, options = {}) =>
  Array.from({ length: count }, (_, n) => ({ type: "t", payload: n, ...options }));

test("an expired lease is taken back within the sweep interval, and not before its end", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("t", null);
  const janitor = system.janitor({ sweepIntervalMs: 200 });
  await janitor.start();
  await system.grantToNobody("work", 1, 500);
  const leaseExpiresAt = (await system.queue().get(id))?.leaseExpiresAt ?? 0;
  await until("the task is pending again", async () => (await system.queue().get(id))?.state === "pending");
  const task = await system.queue().get(id);
  expect(task).toMatchObject({
    attempts: 1,
    crashes: 1,
    history: [{ outcome: "crashed", workerId: "nobody" }],
  });
  const lateMs = (task?.history[0]?.endedAt ?? 0) - leaseExpiresAt;
  expect(lateMs).toBeGreaterThanOrEqual(0);
  expect(lateMs).toBeLessThan(10_000);
});

test("leases and due times that a sweep has seen are handled on time, however long the sweep interval is", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const leased = await queue.enqueue("t", null);
  await system.grantToNobody("work", 1, 600);
  const delayed = await queue.enqueue("t", null, { delayMs: 400 });
  const runAt = (await queue.get(delayed.id))?.runAt ?? 0;
  await system.janitor({ sweepIntervalMs: 60_000 }).start();
  await until("the due task is pending", async () => (await queue.get(delayed.id))?.state === "pending");
  expect(Date.now()).toBeGreaterThanOrEqual(runAt);
  expect(Date.now() - runAt).toBeLessThan(20_000);
  await until("the leased task is pending", async () => (await queue.get(leased.id))?.state === "pending");
  const [crash] = (await queue.get(leased.id))?.history ?? [];
  expect((crash?.endedAt ?? 0) - (crash?.startedAt ?? 0)).toBeGreaterThanOrEqual(600);
  expect((crash?.endedAt ?? 0) - (crash?.startedAt ?? 0)).toBeLessThan(20_000);
});

test("a backlog that is larger than one sweep is handled without a pause", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueueMany(tasks(11_000, { delayMs: 1 }));
  const swept: SweptEvent[] = [];
  const janitor = system.janitor({ sweepIntervalMs: 60_000 });
  janitor.on("swept", (event) => swept.push(event));
  await janitor.start();
  await until(
    "all tasks are pending",
    async () => (await system.observer.stats("work")).pending === 11_000,
    10_000,
  );
  // A sweep emits its event at its end, so the last event may come a little later.
  await until(
    "the janitor has reported every promotion",
    () => swept.reduce((sum, { promoted }) => sum + promoted, 0) === 11_000,
  );
  expect(swept.length).toBeGreaterThan(1);
});

test("two janitors at the same time move each task once", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const totals = { requeued: 0, promoted: 0 };
  const janitors = [system.janitor(), system.janitor()];
  for (const janitor of janitors) {
    janitor.on("swept", ({ reaped, promoted }) => {
      totals.requeued += reaped.requeued;
      totals.promoted += promoted;
    });
  }
  await queue.enqueueMany(tasks(1_000));
  expect(await system.grantToNobody("work", 500, 1)).toHaveLength(500);
  expect(await system.grantToNobody("work", 500, 1)).toHaveLength(500);
  await queue.enqueueMany(tasks(1_000, { delayMs: 1 }));
  await until("every lease is over", async () => {
    const [, score] = await system.redis.zrevrange(system.keys().processing, 0, 0, "WITHSCORES");
    return Date.now() > Number(score) + 5;
  });
  await Promise.all(janitors.map((janitor) => janitor.runOnce()));
  expect(totals).toEqual({ requeued: 1_000, promoted: 1_000 });
  const pending = await system.redis.lrange(system.keys().pending, 0, -1);
  expect(pending).toHaveLength(2_000);
  expect(new Set(pending).size).toBe(2_000);
  expect((await system.observer.stats("work")).totals).toMatchObject({ crashed: 1_000, promoted: 1_000 });
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("retention keeps the newest tasks by count and removes the others by age", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueueMany(tasks(60));
  const { worker } = await system.started("work", { t: () => 1 });
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 60);
  await worker.stop();
  const purged: number[] = [];
  const janitor = system.janitor();
  janitor.on("swept", (event) => purged.push(event.purged));
  await system.observer.configure("work", { retentionCount: 10 });
  await janitor.runOnce();
  expect(purged).toEqual([50]);
  expect((await system.observer.stats("work")).completed).toBe(10);
  await system.observer.configure("work", { retentionMs: 1 });
  await until("no task is left", async () => {
    await janitor.runOnce();
    return (await system.observer.stats("work")).completed === 0;
  });
  expect(await system.redis.hlen(system.keys().tasks)).toBeLessThan(60);
  expect((await system.observer.stats("work")).totals.purged).toBe(60);
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("dead letters beyond a cap are dropped in one sweep, over several calls, and counted", async () => {
  const system = await setupSystem();
  const many = Array.from({ length: 450 }, () => ({ type: "t", payload: 1, maxRetries: 0 }));
  await system.queue().enqueueMany(many);
  const fails = () => {
    throw new FatalError("no");
  };
  const { worker } = await system.started("work", { t: fails });
  await until("all tasks are dead", async () => (await system.observer.stats("work")).dead === 450);
  await worker.stop();
  const dropped: number[] = [];
  const janitor = system.janitor();
  janitor.on("swept", (event) => dropped.push(event.dropped));
  await janitor.runOnce();
  await system.observer.configure("work", { maxDead: 10 });
  await janitor.runOnce();
  expect(dropped.filter((count) => count > 0)).toEqual([440]);
  expect(await system.observer.stats("work")).toMatchObject({
    dead: 10,
    totals: { dropped: 440, purged: 440, deadLettered: 450 },
  });
  expect(await system.redis.hlen(system.keys().tasks)).toBeLessThan(30);
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("each queue is audited, and entries without a record are removed", async () => {
  const system = await setupSystem();
  await system.queue().enqueue("t", null);
  const reports: AuditReport[] = [];
  const janitor = system.janitor({ auditIntervalMs: 1 });
  janitor.on("audited", (report) => reports.push(report));
  await janitor.runOnce();
  expect(reports).toEqual([{ queue: "work", violations: [], repaired: 0 }]);
  await system.redis.zadd(system.keys().processing, Date.now() + 60_000, "ghost");
  await until("the janitor has run the next audit", async () => {
    await janitor.runOnce();
    return reports.length === 2;
  });
  expect(reports[1]).toMatchObject({
    repaired: 1,
    violations: expect.arrayContaining([
      { invariant: "I1", detail: expect.stringContaining("processing has an entry for ghost") },
    ]),
  });
  await until("the janitor has run one more audit", async () => {
    await janitor.runOnce();
    return reports.length === 3;
  });
  expect(reports[2]).toEqual({ queue: "work", violations: [], repaired: 0 });
});

test("a queue that cannot be swept is reported, and the other queues are still swept", async () => {
  const system = await setupSystem();
  for (const name of ["broken", "fine"]) {
    await system.queue(name).enqueue("t", null);
    await system.grantToNobody(name, 1, 1);
  }
  await system.redis.hset(system.keys("broken").state, "#settings", "9 0 0 0 0 0 ");
  const errors: HoldfastError[] = [];
  const janitor = system.janitor({ sweepIntervalMs: 20 });
  janitor.on("error", (error) => errors.push(error));
  await janitor.start();
  await until("the other queue is swept", async () => (await system.observer.stats("fine")).pending === 1);
  await until("the broken queue is reported", () => errors.length > 0);
  expect(errors[0]?.code).toBe("layout_too_new");
  expect(janitor.lastSuccessAt()).toBe(0);
});

test("a queue that appears while the janitor runs is found", async () => {
  const system = await setupSystem();
  const janitor = system.janitor({ sweepIntervalMs: 50 });
  await janitor.start();
  await until("the first sweep has ended", () => janitor.lastSuccessAt() > 0);
  const { id } = await system.queue("late").enqueue("t", null);
  await system.grantToNobody("late", 1, 10);
  await until(
    "the task of the new queue is taken back",
    async () => (await system.queue("late").get(id))?.crashes === 1,
  );
});

test("a janitor continues after an outage of Redis, and stops within its grace during an outage", async () => {
  const server = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
  try {
    const system = await setupSystem(server.url);
    const { id } = await system.queue().enqueue("t", null);
    await system.grantToNobody("work", 1, 1_000);
    const errors: HoldfastError[] = [];
    const janitor = system.janitor({
      sweepIntervalMs: 50,
      redis: { url: server.url, commandTimeoutMs: 300 },
    });
    janitor.on("error", (error) => errors.push(error));
    await janitor.start();
    await server.kill();
    await until("the outage is reported", () => errors.length > 0);
    await server.start();
    await until("the lease is taken back", async () => (await system.queue().get(id))?.crashes === 1);

    const slow = system.janitor({
      sweepIntervalMs: 50,
      redis: { url: server.url, commandTimeoutMs: 60_000 },
    });
    await slow.start();
    await until("a sweep has ended", () => slow.lastSuccessAt() > 0);
    await server.kill();
    const stoppedAt = performance.now();
    await slow.stop({ graceMs: 300 });
    await slow.stop();
    // If the janitor waited for its calls to Redis, the stop would take a minute.
    expect(performance.now() - stoppedAt).toBeLessThan(20_000);
    await expect(slow.start()).rejects.toMatchObject({ code: "closed" });
  } finally {
    await server.stop();
  }
});

test.each(["swept", "scheduled", "error"] as const)(
  "a listener of `%s` that throws does not keep the janitor from its work",
  async (event) => {
    const system = await setupSystem();
    const schedules = new Schedules({ redis: system.url, prefix: system.prefix });
    try {
      for (const id of ["a", "b"])
        await schedules.put(id, { queue: "work", cron: "* * * * * *", timeZone: "UTC", type: "t" });
      const janitor = system.janitor({ sweepIntervalMs: 20 });
      const errors: string[] = [];
      janitor.on("error", ({ message }) => errors.push(message));
      let calls = 0;
      const boom = () => {
        calls++;
        throw new Error("a bug of the user's");
      };
      // To test the event `error`, a listener of another event throws, so that each sweep fails.
      if (event === "error") janitor.on("swept", boom).prependListener("error", boom);
      else janitor.on(event, boom);
      await janitor.start();
      await until("the listener was called by several sweeps", async () => {
        await system.queue().enqueue("t", null, { delayMs: 1 });
        return calls > 5;
      });
      for (const id of ["a", "b"])
        await until("both schedules run", async () => ((await schedules.get(id))?.runs.length ?? 0) > 1);
      expect(Date.now() - janitor.lastSuccessAt()).toBeLessThan(5_000);
      if (event !== "error")
        expect(errors[0]).toContain("a listener of the janitor threw: Error: a bug of the user's");
    } finally {
      await schedules.close();
    }
  },
);

test("a sweep interval out of range is refused", async () => {
  const system = await setupSystem();
  for (const sweepIntervalMs of [0, 9, 60_001, Number.NaN]) {
    expect(() => system.janitor({ sweepIntervalMs })).toThrow(/10 to 60000/);
  }
});

test("a pending task expires without a worker, even behind more tasks than a sweep reads at first", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueueMany(tasks(450));
  const [last] = await queue.enqueueMany(tasks(1, { expiresAt: Date.now() + 1_000 }));
  await queue.enqueueMany(tasks(1));
  let expired = 0;
  const janitor = system.janitor({ sweepIntervalMs: 20 });
  janitor.on("swept", (swept) => {
    expired += swept.expired;
  });
  await janitor.start();
  const id = last?.ok ? last.receipt.id : "";
  await until("the task is expired", async () => (await queue.get(id))?.state === "expired");
  await until("the janitor has reported the expired task", () => expired === 1);
  expect(await system.observer.stats("work")).toMatchObject({
    pending: 451,
    pendingByPriority: { normal: 451 },
    expired: 1,
  });
});
