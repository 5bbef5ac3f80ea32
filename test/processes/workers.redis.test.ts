import { expect, test } from "vitest";
import { LEASE_MS, Processes, SWEEP_MS, until } from "./support.ts";

test("a task that kills its worker is dead after exactly 4 grants, and all 49 tasks beside it complete", async () => {
  const system = new Processes();
  const janitor = await system.janitor().ready();
  // The other tasks take longer than the poison task (the task that kills its worker). So those that run on the same
  // worker crash with it.
  const innocents = Array.from({ length: 49 }, () => ({ type: "sleep", payload: { ms: 120 } }));
  const tasks = [...innocents.slice(0, 20), { type: "poison", payload: null }, ...innocents.slice(20)];
  const ids = await system.enqueue(tasks);
  const poison = ids[20] as string;

  // This loop starts a new worker whenever one has died.
  let deaths = 0;
  let supervising = true;
  let worker = system.worker();
  const supervisor = (async () => {
    for (;;) {
      const { signal } = await worker.ended;
      if (!supervising) return;
      expect(signal).toBe("SIGKILL");
      deaths++;
      worker = system.worker();
    }
  })();
  await until(
    "all tasks have ended",
    async () => {
      const stats = await system.stats();
      return stats.completed + stats.dead === 50;
    },
    28_000,
  );
  supervising = false;
  await worker.kill();
  await supervisor;

  expect(await system.task(poison)).toMatchObject({
    state: "dead",
    deadReason: "crashes_exhausted",
    attempts: 4,
    crashes: 4,
    failures: 0,
  });
  expect((await system.task(poison)).history.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
    [1, "crashed"],
    [2, "crashed"],
    [3, "crashed"],
    [4, "crashed"],
  ]);
  expect(deaths).toBe(4);
  for (const id of ids) {
    if (id === poison) continue;
    const task = await system.task(id);
    expect(task.state).toBe("completed");
    // A task crashes only if it shares a worker with the poison task. After its second crash, the poison task runs
    // alone, so other tasks crash at most twice.
    expect(task.crashes).toBeLessThanOrEqual(2);
  }
  const { totals } = await system.stats();
  expect(totals).toMatchObject({ acked: 49, deadLettered: 1 });
  expect((await system.observer.audit("work")).violations).toEqual([]);
  expect(janitor.heard("error")).toEqual([]);
});

test("after kill -9 of a worker with 100 leased tasks, all are leased again within lease and sweep", async () => {
  const system = new Processes();
  await system.janitor().ready();
  const first = await system.worker({ concurrency: 100 }).ready();
  const ids = await system.enqueue(Array.from({ length: 100 }, () => ({ type: "hold", payload: null })));
  await until("100 tasks are leased", () => first.heard("started").length === 100);
  const second = await system.worker({ concurrency: 100 }).ready();
  await first.kill();
  const killedAt = performance.now();
  await until("all tasks are leased again", () => second.heard("started").length === 100);
  // On an idle machine this takes less than 1.8 s. The margin is for a busy machine.
  expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + SWEEP_MS + 10_000);
  await until("all tasks are completed", async () => (await system.stats()).completed === 100);
  expect(new Set(second.heard("started").map((line) => line.id))).toEqual(new Set(ids));
  expect((await system.stats()).totals).toMatchObject({ attempts: 200, crashed: 100, acked: 100, stale: 0 });
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("on SIGTERM, a worker finishes the tasks it can, hands the others back without using an attempt, and exits with 0", async () => {
  const system = new Processes();
  const worker = await system.worker({ concurrency: 10 }).ready();
  const short = await system.enqueue(
    Array.from({ length: 5 }, () => ({ type: "sleep", payload: { ms: 200 } })),
  );
  const long = await system.enqueue(Array.from({ length: 5 }, () => ({ type: "hold", payload: null })));
  await until("all ten tasks run", () => worker.heard("started").length === 10);
  const waiting = await system.enqueue([{ type: "sleep", payload: { ms: 1 } }]);
  worker.process.kill("SIGTERM");
  expect(await worker.ended).toEqual({ code: 0, signal: null });
  expect(worker.heard("settled", { outcome: "acked" })).toHaveLength(5);
  expect(worker.heard("settled", { outcome: "released" })).toHaveLength(5);
  for (const id of short) expect((await system.task(id)).state).toBe("completed");
  for (const id of long)
    expect(await system.task(id)).toMatchObject({ state: "pending", attempts: 0, crashes: 0, releases: 1 });
  expect(await system.task(waiting[0] as string)).toMatchObject({
    state: "pending",
    attempts: 0,
    releases: 0,
  });
  expect((await system.stats()).processing).toBe(0);
});

test("on SIGTERM, an idle worker and a janitor exit with 0", async () => {
  const system = new Processes();
  const children = await Promise.all([system.worker().ready(), system.janitor().ready()]);
  for (const child of children) {
    child.process.kill("SIGTERM");
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.heard("stopped")).toHaveLength(1);
  }
});

test("a handler that blocks the event loop for as long as three leases keeps its lease", async () => {
  const system = new Processes();
  await system.janitor({ sweepIntervalMs: 50 }).ready();
  const worker = await system.worker({ concurrency: 1 }).ready();
  const [id] = await system.enqueue([{ type: "block", payload: { ms: 3 * LEASE_MS } }]);
  await until("the task runs", () => worker.heard("started").length === 1);
  // If the lease expired, this other worker would take the task.
  const other = await system.worker({ concurrency: 1 }).ready();
  await until("the task is completed", async () => (await system.task(id as string)).state === "completed");
  expect(await system.task(id as string)).toMatchObject({ attempts: 1, crashes: 0, workerId: "w1" });
  await until(
    "the worker has reported the task",
    () => worker.heard("settled", { outcome: "acked" }).length === 1,
  );
  expect(other.heard("started")).toEqual([]);
  expect((await system.stats()).totals.stale).toBe(0);
});

test("a worker that was stopped for three leases has lost its lease: its late ack is stale, and one ack is accepted", async () => {
  const system = new Processes();
  await system.janitor().ready();
  const first = await system.worker({ concurrency: 1 }).ready();
  const [id] = (await system.enqueue([{ type: "hold", payload: null }])) as [string];
  await until("the task runs", () => first.heard("started").length === 1);
  const second = await system.worker({ concurrency: 1 }).ready();
  const stoppedAt = performance.now();
  first.process.kill("SIGSTOP");
  await until(
    "the other worker has completed the task",
    async () => (await system.task(id)).state === "completed",
  );
  await until("three leases are over", () => performance.now() - stoppedAt > 3 * LEASE_MS);
  first.process.kill("SIGCONT");
  const continuedAt = performance.now();
  await until(
    "the handler is told that the lease is lost",
    () => first.heard("aborted", { reason: "lease_lost" }).length === 1,
  );
  expect(performance.now() - continuedAt).toBeLessThan(LEASE_MS / 3 + 10_000);
  await until("Redis has answered the late ack", () => first.heard("settled").length === 1);
  expect(first.heard("settled")[0]).toMatchObject({ outcome: "stale", attempt: 1 });
  expect(second.heard("settled", { outcome: "acked" })).toHaveLength(1);
  expect(await system.task(id)).toMatchObject({
    state: "completed",
    resultText: '"later attempt"',
    attempts: 2,
    crashes: 1,
    workerId: "w2",
  });
  expect((await system.stats()).totals).toMatchObject({ acked: 1, stale: 1, crashed: 1 });
  // These tasks make sure that the first worker still runs tasks.
  await second.kill();
  await system.enqueue([{ type: "sleep", payload: { ms: 1 } }]);
  await until(
    "the first worker runs the next task",
    () => first.heard("settled", { outcome: "acked" }).length === 1,
  );
});

test("while a handler blocks the event loop, other workers run the tasks that its worker had taken ahead", async () => {
  const system = new Processes();
  const options = { concurrency: 10, aheadMs: 100, leaseMs: 30_000 };
  await system.worker(options).ready();
  const quick = (count: number) =>
    Array.from({ length: count }, () => ({ type: "sleep", payload: { ms: 0 } }));
  // While tasks are quick, the worker takes hundreds of them ahead. Then it begins the task that blocks.
  await system.enqueue([...quick(2_500), { type: "block", payload: { ms: 5_000 } }, ...quick(500)]);
  await until("the handler blocks the event loop", async () => {
    const { completed } = await system.stats();
    return completed > 2_200 && completed === (await sameAfter(300, () => system.stats())).completed;
  });
  await system.worker(options).ready();
  // When the worker blocked, it may have had an open call to Redis that granted it more tasks. All other tasks are
  // done.
  await until("almost all tasks are done", async () => (await system.stats()).completed >= 2_850, 3_000);
  await until("all tasks are completed", async () => (await system.stats()).completed === 3_001, 10_000);
  const { totals } = await system.stats();
  expect(totals).toMatchObject({ crashed: 0, failed: 0 });
  expect(totals.released).toBeGreaterThan(20);
});

async function sameAfter<Value>(ms: number, read: () => Promise<Value>): Promise<Value> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return read();
}
