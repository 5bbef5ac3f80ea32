import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { RateLimited } from "../../src/index.ts";
import { findViolations } from "../support/invariants.ts";
import { gate, setupSystem } from "./harness.ts";

/** Makes handlers for both types that count how many tasks of each type run at the same time. */
function counted(runMs: number) {
  const running = { heavy: 0, light: 0 };
  const most = { heavy: 0, light: 0 };
  const handlerOf = (type: keyof typeof most) => async () => {
    running[type]++;
    most[type] = Math.max(most[type], running[type]);
    await sleep(runMs);
    running[type]--;
  };
  return { most, handlers: { heavy: handlerOf("heavy"), light: handlerOf("light") } };
}

/** Waits for a registered worker. Without one, "no worker" would be the reason why a task waits. */
const registered = (system: Awaited<ReturnType<typeof setupSystem>>) =>
  until("the worker is registered", async () => (await system.observer.workers()).length > 0);

const tasks = (type: string, count: number, options: { key?: string } = {}) =>
  Array.from({ length: count }, (_, n) => ({ type, payload: n, ...options }));

test("no more heavy tasks run than allowed, on all workers together, and light tasks do not wait for them", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { types: { heavy: { concurrency: 3 } } });
  const { handlers, most } = counted(20);
  for (let n = 0; n < 2; n++) await system.started("work", handlers, { concurrency: 10 });
  const queue = system.queue();
  await queue.enqueueMany([...tasks("heavy", 60), ...tasks("heavy", 30, { key: "a" })]);
  await queue.enqueueMany(tasks("light", 100));
  await until("the light tasks are completed", async () => {
    const { completed, pending } = await system.observer.stats("work");
    expect(completed < 100 || pending > 0 || completed === 190).toBe(true);
    return completed >= 100;
  });
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 190);
  expect(most.heavy).toBe(3);
  expect(most.light).toBeGreaterThan(3);
  expect((await system.observer.limits.get("work")).types).toEqual([
    { type: "heavy", running: 0, heldUntil: null, blockedBy: null, nextAt: null },
  ]);
  expect(await findViolations(system.redis, system.keys())).toEqual([]);
});

test("a handler that is refused by a service holds its type, why says so, and an operator ends the hold", async () => {
  const system = await setupSystem();
  let isRefused = true;
  const done = gate();
  const { settled } = await system.started("work", {
    mail: () => {
      if (isRefused) throw new RateLimited(600_000, { scope: "type" });
      done.open();
    },
    report: () => 1,
  });
  const queue = system.queue();
  const { id } = await queue.enqueue("mail", null);
  await until("the task is handed back", () => settled.length === 1);
  const report = await queue.enqueue("report", null);
  expect(await queue.result(report.id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  await registered(system);
  const why = await system.observer.why("work", id);
  expect(why).toMatchObject({
    reason: "limited",
    detail: expect.stringContaining('the type "mail" is held'),
  });
  isRefused = false;
  await system.observer.limits.hold("work", 0, { type: "mail" });
  await done.opened;
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ attempts: 1, state: "completed" });
});

test("why shows the limit of a type, how much of it is used, and the place of the task", async () => {
  const system = await setupSystem();
  await system.observer.limits.set("work", { types: { heavy: { concurrency: 1 } } });
  const end = gate();
  await system.started("work", { heavy: () => end.opened });
  const queue = system.queue();
  const [, second] = await queue.enqueueMany(tasks("heavy", 2));
  const id = second?.ok ? second.receipt.id : "";
  await until("one task runs and one waits", async () => {
    const { processing, pendingTyped } = await system.observer.stats("work");
    return processing === 1 && pendingTyped === 1;
  });
  await registered(system);
  expect(await system.observer.why("work", id)).toMatchObject({
    reason: "limited",
    detail: expect.stringContaining('1 of 1 tasks of the type "heavy" run'),
  });
  expect((await system.observer.stats("work")).flow.runnable).toBe(0);
  end.open();
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
});

test.each([
  [{ "bad type": { concurrency: 1 } }, "types has to be an object of at most 100 names"],
  [{ mail: { concurrency: 0 } }, "types.mail.concurrency has to be a whole number from 1"],
  [
    { mail: { weight: 2 } },
    "types.mail.weight is not an option of the limit of a type: types do not take turns",
  ],
  [{ mail: 5 }, "types.mail has to be an object such as { concurrency: 5 }"],
])("limits of types %j are refused, and the error names the field and the remedy", async (types, text) => {
  const system = await setupSystem();
  await expect(system.observer.limits.set("work", { types } as never)).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining(text),
  });
  await expect(system.observer.limits.hold("work", 5, { key: "a", type: "mail" })).rejects.toMatchObject({
    message: expect.stringContaining("a key or a type, not both"),
  });
});

test("a queue has either partitions or limits of types", async () => {
  const system = await setupSystem();
  const types = { mail: { concurrency: 2 } };
  await system.observer.limits.set("typed", { types });
  await expect(system.observer.partition("typed", 2)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("limits types (mail), which partitions cannot"),
  });
  await system.observer.partition("parts", 2);
  await expect(system.observer.limits.set("parts", { types })).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("because it has partitions"),
  });
});
