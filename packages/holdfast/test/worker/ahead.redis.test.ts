import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { gate, setupSystem } from "./harness.ts";

/** Makes handlers for quick tasks, which end at once, and for slow tasks, which end when the gate opens. */
function quickAndSlow() {
  const slow = gate();
  let runs = 0;
  const handlers = {
    quick: async () => {},
    slow: () => {
      runs++;
      return slow.opened;
    },
  };
  return { handlers, slow, slowRuns: () => runs };
}

const tasks = (type: string, count: number) => Array.from({ length: count }, () => ({ type, payload: null }));

test("a worker with quick handlers takes tasks ahead of its slots, but runs only as many as it has slots", async () => {
  const system = await setupSystem();
  await system.queue().enqueueMany(tasks("quick", 3_000));
  let running = 0;
  let most = 0;
  let heldMost = 0;
  const { worker, settled } = await system.started(
    "work",
    {
      quick: async () => {
        most = Math.max(most, ++running);
        heldMost = Math.max(heldMost, worker.busy);
        await null;
        running--;
      },
    },
    { concurrency: 1 },
  );
  await until("all tasks are settled", () => settled.length === 3_000);
  expect(most).toBe(1);
  expect(heldMost).toBeGreaterThan(5);
  expect(await system.observer.stats("work")).toMatchObject({
    completed: 3_000,
    totals: { acked: 3_000 },
  });
});

test("with aheadMs 0 a worker holds no more tasks than it has slots", async () => {
  const system = await setupSystem();
  await system.queue().enqueueMany(tasks("quick", 1_000));
  let heldMost = 0;
  const { worker, settled } = await system.started(
    "work",
    {
      quick: () => {
        heldMost = Math.max(heldMost, worker.busy);
      },
    },
    { concurrency: 4, aheadMs: 0 },
  );
  await until("all tasks are settled", () => settled.length === 1_000);
  expect(heldMost).toBeLessThanOrEqual(4);
});

test("if one of two workers has slow tasks, no task waits while the other worker has free slots", async () => {
  const system = await setupSystem();
  const { handlers, slow, slowRuns } = quickAndSlow();
  // Quick tasks make the worker take dozens of tasks ahead. Then it meets slow tasks, with quick ones behind them.
  const one = await system.started("work", handlers, { concurrency: 2 });
  const queue = system.queue();
  await queue.enqueueMany([...tasks("quick", 2_000), ...tasks("slow", 2), ...tasks("quick", 300)]);
  await until("slow tasks fill the slots of the first worker", () => slowRuns() === 2);
  const other = await system.started("work", handlers, { concurrency: 2 });
  await until(
    "all quick tasks are settled",
    () => one.settled.length + other.settled.length === 2_300,
    // The workers poll only every 10 s.
    8_000,
  );
  expect(slowRuns()).toBe(2);
  const { totals } = await system.observer.stats("work");
  // The tasks were handed back without a crash, a failure or a used attempt.
  expect(totals).toMatchObject({ crashed: 0, failed: 0, acked: 2_300 });
  slow.open();
  await until("the slow tasks are settled", () => one.settled.length + other.settled.length === 2_302);
  expect([...one.settled, ...other.settled].every(({ attempt }) => attempt === 1)).toBe(true);
});

test("tasks that were taken ahead are handed back at once when the worker stops", async () => {
  const system = await setupSystem();
  const { handlers, slow, slowRuns } = quickAndSlow();
  const { worker } = await system.started("work", handlers, { concurrency: 1 });
  await system.queue().enqueueMany([...tasks("quick", 1_000), ...tasks("slow", 1), ...tasks("quick", 100)]);
  await until("the slow task runs", () => slowRuns() === 1);
  slow.open();
  await worker.stop({ graceMs: 2_000 });
  const { processing, totals, pending, completed } = await system.observer.stats("work");
  expect({ processing, crashed: totals.crashed, sum: pending + completed }).toEqual({
    processing: 0,
    crashed: 0,
    sum: 1_101,
  });
});
