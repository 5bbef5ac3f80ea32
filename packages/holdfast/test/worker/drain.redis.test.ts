import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { gate, setupSystem } from "./harness.ts";

const stateOf = async (system: Awaited<ReturnType<typeof setupSystem>>, id: string) =>
  (await system.observer.workers()).find((worker) => worker.id === id)?.state;

/** Waits until the worker is registered, then tells it to drain. */
const drain = async (system: Awaited<ReturnType<typeof setupSystem>>, id: string) => {
  await until("the worker is registered", async () => (await stateOf(system, id)) !== undefined);
  await system.observer.drainWorker(id);
};

test("a draining worker ends its running tasks, takes no new ones, becomes drained, and continues when it is resumed", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const { opened, open } = gate();
  const ran: string[] = [];
  const { worker, settled, errors } = await system.started(
    "work",
    {
      slow: async (task) => {
        ran.push(task.id);
        await opened;
      },
      quick: (task) => {
        ran.push(task.id);
      },
    },
    { concurrency: 2 },
  );
  const told: boolean[] = [];
  worker.on("drain", ({ draining }) => told.push(draining));
  await queue.enqueue("slow", 1, { id: "running" });
  await until("the task runs", () => ran.length === 1);
  await until("the registry shows the running tasks", async () => {
    const [view] = await system.observer.workers({ tasks: true });
    return view?.tasks?.length === 1;
  });
  const [view] = await system.observer.workers({ tasks: true });
  expect(view?.tasks).toEqual([
    { id: "running", queue: "work", type: "slow", startedAt: expect.any(Number) },
  ]);
  expect(Math.abs((view?.tasks?.[0]?.startedAt ?? 0) - Date.now())).toBeLessThan(30_000);
  // The list of all workers has no tasks, because it is read every second.
  expect((await system.observer.workers())[0]).not.toHaveProperty("tasks");

  await drain(system, worker.id);
  await until("the worker knows that it drains", () => worker.draining);
  await queue.enqueue("quick", 1, { id: "waits" });
  await until(
    "the state of the worker is draining",
    async () => (await stateOf(system, worker.id)) === "draining",
  );
  expect(await system.observer.why("work", "waits")).toMatchObject({
    reason: "workers_draining",
    detail: expect.stringContaining("the only worker"),
  });
  open();
  await until("the worker is drained", async () => (await stateOf(system, worker.id)) === "drained");
  expect(settled.map(({ task, outcome }) => `${task.id} ${outcome}`)).toEqual(["running acked"]);
  expect((await queue.get("waits"))?.state).toBe("pending");
  // A drained worker does not poll, but it is still healthy.
  await until("the last good poll was a short time ago", () => worker.lastGoodPollAgeMs() < 1_000);

  await system.observer.resumeWorker(worker.id);
  await until("the worker ran the waiting task", () => ran.includes("waits"));
  await until(
    "the state of the worker is running",
    async () => (await stateOf(system, worker.id)) === "running",
  );
  expect(told).toEqual([true, false]);
  expect(errors).toEqual([]);
}, 30_000);

test("tasks that a draining worker got by push or has taken ahead go to another worker, without using up an attempt", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const first = await system.started("work", { t: () => {} }, { concurrency: 1 });
  // The request of the worker is parked (it waits in Redis), so the next enqueue would grant a task to it.
  await queue.enqueue("t", 0);
  await until("the first worker has run one task", () => first.settled.length === 1);
  await drain(system, first.worker.id);
  await until("the first worker drains", () => first.worker.draining);
  await until("the worker is drained", async () => (await stateOf(system, first.worker.id)) === "drained");
  const second = await system.started("work", { t: () => {} }, { concurrency: 1 });
  const ids = Array.from({ length: 20 }, (_, n) => `t${n}`);
  for (const id of ids) await queue.enqueue("t", 1, { id });
  await until("the other worker has run all tasks", () => second.settled.length === ids.length);
  expect(first.settled).toHaveLength(1);
  for (const id of ids)
    expect(await queue.get(id)).toMatchObject({ state: "completed", attempts: 1, releases: 0 });
}, 30_000);

test("a worker can be stopped while it drains, and an unknown worker cannot be told to drain", async () => {
  const system = await setupSystem();
  const { worker } = await system.started("work", { t: () => {} });
  await drain(system, worker.id);
  await until("the worker drains", () => worker.draining);
  await worker.stop({ graceMs: 1_000 });
  expect(await stateOf(system, worker.id)).toBe("stopped");
  await expect(system.observer.drainWorker("nobody")).rejects.toMatchObject({ code: "not_found" });
  await expect(system.observer.resumeWorker("nobody")).rejects.toMatchObject({ code: "not_found" });
});
