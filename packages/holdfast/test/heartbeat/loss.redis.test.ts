import { until } from "@holdfast/testing";
import { expect, test, vi } from "vitest";
import type { HoldfastError } from "../../src/index.ts";
import type { HeartbeatEvents } from "../../src/worker/heartbeat.ts";
import { gate, setupSystem, untilAborted } from "../worker/harness.ts";

const { fake } = vi.hoisted(() => ({ fake: { events: undefined as unknown, stops: 0 } }));
vi.mock("../../src/worker/heartbeat.ts", () => ({
  Heartbeat: class {
    constructor(_: unknown, events: unknown) {
      fake.events = events;
    }
    setParts(): void {}
    async start(): Promise<void> {}
    async stop(): Promise<void> {
      fake.stops++;
    }
  },
}));

const events = () => fake.events as HeartbeatEvents;
const failed = (message: string) => ({ code: "heartbeat_failed", message }) as HoldfastError;

test("a worker acquires nothing while no thread sends heartbeats, and continues when another thread does", async () => {
  const system = await setupSystem();
  const { worker, settled } = await system.started("work", { t: () => 1 }, { pollMs: 10 });
  const queue = system.queue();
  const first = await queue.enqueue("t", 0);
  await until("the first task has run", () => settled.length === 1);
  events().onBeating(false);
  await until(
    "no request waits for a grant",
    async () => !(await system.redis.hexists(system.keys().state, "#parked")),
  );
  const second = await queue.enqueue("t", 0);
  const from = performance.now();
  // The worker polls every ten milliseconds, so it would have taken the task by now.
  while (performance.now() - from < 500) {
    expect(await queue.get(second.id)).toMatchObject({ state: "pending", attempts: 0 });
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  // An operator tells the worker to drain, and then to resume. The heartbeat thread is still missing, so the worker
  // still takes no task.
  events().onRegistered(true);
  events().onRegistered(false);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await queue.get(second.id)).toMatchObject({ state: "pending", attempts: 0 });
  events().onBeating(true);
  await until("the second task has run", () => settled.length === 2);
  expect((await queue.get(first.id))?.state).toBe("completed");
  expect(worker.draining).toBe(false);
});

test("if no further heartbeat thread begins, the worker reports that, hands back its tasks within a third of a lease, and stops", async () => {
  const system = await setupSystem();
  const running = gate();
  const { worker, errors } = await system.started(
    "work",
    {
      t: (_, { signal }) => {
        running.open();
        return untilAborted(signal);
      },
    },
    { leaseMs: 900 },
  );
  const { id } = await system.queue().enqueue("t", 0);
  await running.opened;
  const lostAt = performance.now();
  const stops = fake.stops;
  events().onLost(failed("the heartbeat thread ended: with code 1"));
  await until("the task was handed back", async () => (await system.queue().get(id))?.state === "pending");
  expect(performance.now() - lostAt).toBeGreaterThanOrEqual(300 - 10);
  expect(await system.queue().get(id)).toMatchObject({ attempts: 0, releases: 1 });
  await worker.stop();
  expect(fake.stops).toBe(stops + 1);
  expect(errors).toMatchObject([
    { code: "heartbeat_failed", message: expect.stringContaining("this worker stops") },
  ]);
  await expect(worker.start()).rejects.toMatchObject({ code: "closed" });
});
