import { expect, test } from "vitest";
import { until } from "../support/until.ts";
import { gate, setupSystem, untilAborted } from "./harness.ts";

test("a stop lets tasks finish within the grace and hands the rest back with the attempt refunded", async () => {
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
  await until("all three run", () => running === 3);
  const waiting = await queue.enqueue("short", null);

  const stoppedAt = performance.now();
  const stopping = worker.stop({ graceMs: 500 });
  end.open();
  await stopping;
  const tookMs = performance.now() - stoppedAt;
  expect(tookMs).toBeGreaterThanOrEqual(500);
  expect(tookMs).toBeLessThan(2_000);
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

  // The next worker gets them as if nothing had been.
  const attempts: number[] = [];
  const done = (task: { attempt: number }) => void attempts.push(task.attempt);
  await system.started("work", { short: done, long: done, stubborn: done });
  await until("the rest ran", () => attempts.length === 3);
  expect(attempts).toEqual([1, 1, 1]);
  expect((await system.observer.audit("work")).violations).toEqual([]);
});

test("a stop without work ends at once, however often it is asked for", async () => {
  const system = await setupSystem();
  const { worker } = await system.started("work", { any: () => 1 });
  const startedAt = performance.now();
  const first = worker.stop();
  expect(worker.stop({ graceMs: 1 })).toBe(first);
  await first;
  await worker.stop();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  await expect(worker.start()).rejects.toMatchObject({ code: "closed" });
});

test("a worker that was never started can be stopped", async () => {
  const system = await setupSystem();
  await system.worker("work", {}).worker.stop();
});

test("after ten releases of one task a release burns the attempt", async () => {
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
