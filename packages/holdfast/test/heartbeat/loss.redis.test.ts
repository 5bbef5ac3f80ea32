import { until } from "@holdfast/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { HoldfastError } from "../../src/index.ts";
import { Heartbeat } from "../../src/worker/heartbeat.ts";
import { gate, setupSystem, untilAborted } from "../worker/harness.ts";

const ENDED = new HoldfastError("heartbeat_failed", "the heartbeat thread ended: with code 1");

/** Workers start no thread in this test. The test tells them what a thread would tell them. */
function withoutThread() {
  const start = vi.spyOn(Heartbeat.prototype, "start").mockResolvedValue();
  const stop = vi.spyOn(Heartbeat.prototype, "stop").mockResolvedValue();
  onTestFinished(() => {
    start.mockRestore();
    stop.mockRestore();
  });
  return { heartbeat: () => start.mock.contexts[0] as Heartbeat, stop };
}

test("a worker acquires nothing while no thread sends heartbeats, and continues when another thread does", async () => {
  const { heartbeat } = withoutThread();
  const system = await setupSystem();
  const { worker, settled } = await system.started("work", { t: () => 1 }, { pollMs: 10 });
  const queue = system.queue();
  const first = await queue.enqueue("t", 0);
  await until("the first task has run", () => settled.length === 1);
  heartbeat().down(ENDED);
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
  for (const draining of [true, false]) heartbeat().receive({ kind: "registered", draining });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await queue.get(second.id)).toMatchObject({ state: "pending", attempts: 0 });
  heartbeat().receive({ kind: "ready" });
  await until("the second task has run", () => settled.length === 2);
  expect((await queue.get(first.id))?.state).toBe("completed");
  expect(worker.draining).toBe(false);
});

test("if no further heartbeat thread begins, the worker reports that, hands back its tasks within a third of a lease, and stops", async () => {
  const { heartbeat, stop } = withoutThread();
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
  expect(stop).not.toHaveBeenCalled();
  heartbeat().lost(ENDED);
  await until("the task was handed back", async () => (await system.queue().get(id))?.state === "pending");
  expect(performance.now() - lostAt).toBeGreaterThanOrEqual(300 - 10);
  expect(await system.queue().get(id)).toMatchObject({ attempts: 0, releases: 1 });
  await worker.stop();
  expect(stop).toHaveBeenCalledOnce();
  expect(errors).toMatchObject([
    { code: "heartbeat_failed", message: expect.stringContaining("this worker stops") },
  ]);
  await expect(worker.start()).rejects.toMatchObject({ code: "closed" });
});
