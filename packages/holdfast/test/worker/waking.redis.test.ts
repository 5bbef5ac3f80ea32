import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { type System, setupSystem } from "./harness.ts";

const parked = (system: System) => system.redis.hexists(system.keys().state, "#parked");

test("an idle worker starts a task long before it polls", async () => {
  const system = await setupSystem();
  let startedAt = 0;
  const { settled } = await system.started("work", {
    now: () => {
      startedAt = performance.now();
    },
  });
  const queue = system.queue();
  await queue.enqueue("now", null);
  const tookMs: number[] = [];
  for (let n = 1; n <= 30; n++) {
    await until("the worker sleeps", async () => settled.length === n && (await parked(system)) === 1);
    const enqueuedAt = performance.now();
    await queue.enqueue("now", null);
    await until("the task ran", () => startedAt > enqueuedAt, 5_000);
    tookMs.push(startedAt - enqueuedAt);
  }
  // The worker polls every 10 s, so a poll alone would take longer.
  expect(Math.max(...tookMs)).toBeLessThan(5_000);
});

test("a task that is enqueued while the worker is about to sleep does not wait for the poll", async () => {
  const system = await setupSystem();
  const { worker } = await system.started("work", { now: () => 1 }, { concurrency: 2 });
  const queue = system.queue();
  // Each enqueue comes at another moment before the worker goes to sleep. If a wake-up were missed, the task would
  // wait 10 s for the poll.
  for (let n = 0; n < 100; n++) {
    const { id } = await queue.enqueue("now", n);
    expect((await queue.result(id, { waitMs: 8_000 }))?.state).toBe("completed");
  }
  await until("the worker has heard that the last task is settled", () => worker.busy === 0);
});

test("the next poll finds a task whose wake-up was lost", async () => {
  const system = await setupSystem();
  const { settled } = await system.started("work", { now: () => 1 }, { pollMs: 600 });
  const queue = system.queue();
  await queue.enqueue("now", null);
  await until("the worker sleeps", async () => settled.length === 1 && (await parked(system)) === 1);
  // If no request is parked, no worker is woken.
  await system.redis.hdel(system.keys().state, "#parked");
  const { id } = await queue.enqueue("now", null);
  expect((await queue.result(id, { waitMs: 5_000 }))?.state).toBe("completed");
});

test("a resumed queue wakes its workers", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  await queue.enqueue("now", null);
  await system.observer.pause("work");
  const { settled } = await system.started("work", { now: () => 1 });
  await until("the worker found the queue paused", () => parked(system).then((mark) => mark === 1));
  expect(settled).toEqual([]);
  await system.observer.resume("work");
  await until("the task ran", () => settled.length === 1, 8_000);
});

test("without a janitor, a due task does not wait for the poll: after later tasks, after a retry, and as the first task", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  let failures = 0;
  // The worker polls only every 10 s, so it has to be woken by time.
  const { settled } = await system.started("work", {
    now: () => 1,
    fails: () => {
      if (failures++ === 0) throw new Error("once");
    },
  });
  await queue.enqueue("now", null, { delayMs: 60_000 });
  await until("the worker sleeps", async () => (await parked(system)) === 1);
  const enqueuedAt = performance.now();
  const first = await queue.enqueue("now", null, { delayMs: 300 });
  const later = await queue.enqueue("now", null, { delayMs: 500 });
  const backoff = { kind: "fixed", baseMs: 200, jitter: "none" } as const;
  const retried = await queue.enqueue("fails", null, { backoff });
  for (const { id } of [first, later, retried])
    expect((await queue.result(id, { waitMs: 8_000 }))?.state).toBe("completed");
  expect(performance.now() - enqueuedAt).toBeGreaterThanOrEqual(495);
  expect(performance.now() - enqueuedAt).toBeLessThan(8_000);
  expect(settled.map(({ outcome }) => outcome)).toContain("retried");
});

test("a task that the receipt calls pending is pending: delayMs 0 and a runAt in the past do not schedule it", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  expect(await queue.enqueue("t", 1, { delayMs: 0 })).toMatchObject({ state: "pending" });
  expect(await queue.enqueue("t", 1, { id: "a", runAt: 1 })).toMatchObject({ state: "pending" });
  expect(await queue.enqueue("t", 1, { id: "a", runAt: 1 })).toMatchObject({
    state: "pending",
    duplicate: true,
  });
  expect(await queue.enqueueMany([{ type: "t", payload: 1, delayMs: 0 }])).toMatchObject([
    { receipt: { state: "pending" } },
  ]);
  expect(await queue.enqueue("t", 1, { delayMs: 60_000 })).toMatchObject({ state: "scheduled" });
});
