import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS, POLL_MS, SWEEP_MS } from "../harness/context.mjs";
import { fakeClock, whyNoShim } from "../harness/shim.mjs";
import { until } from "../harness/until.mjs";

const JUMP_MS = 120_000;

export const row = {
  order: 22,
  name: "clock-back",
  fault: "the clock of Redis jumps 120 s back under load, and a worker with 20 leases is killed",
  expected: "expired leases are taken back at most 120 s late; running tasks continue",
  waits: true,
  skip: whyNoShim,
  timeoutMs: 180_000,
  async run(ctx) {
    const clock = fakeClock(ctx.folder);
    const { url } = await ctx.startRedis({ env: clock.env });
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const victim = await ctx.worker(url, { concurrency: 20 }).ready();
    const held = await ctx.enqueue(
      view,
      Array.from({ length: 20 }, () => ({ type: "hold", payload: {} })),
    );
    await until("the tasks run", () => victim.heard("run").length === 20);
    await ctx.worker(url).ready();
    const producer = await ctx.producer(url, { ratePerSecond: 100, count: 400 }).ready();
    await sleep(1_000);
    // The worker dies before the clock is set back. So the leases of its tasks expire far in the future.
    await victim.kill();
    const killedAt = performance.now();
    clock.set(-JUMP_MS);
    await until("the producer has sent all tasks", () => !producer.running);
    await until(
      "all tasks but those of the killed worker are done",
      async () => (await view.observer.stats(ctx.queueName)).completed >= 400,
      10_000,
    );
    const onMs = Math.round(performance.now() - killedAt);
    await ctx.drain(view, JUMP_MS + 10_000);
    const lateMs = Math.round(performance.now() - killedAt);
    const counts = await ctx.settle(view, { rewound: true });
    const bound = JUMP_MS + LEASE_MS + SWEEP_MS + POLL_MS + 500;
    ctx.expect(lateMs <= bound, `the leases were taken back after ${lateMs} ms`);
    ctx.expect(
      held.every((id) => counts.tasks.get(id).attempts === 2),
      "a task of the killed worker was not taken back exactly once",
    );
    return `all 400 tasks of the load were done ${onMs} ms after the jump; the 20 leases of the killed worker were taken back after ${lateMs} ms (bound ${bound}); ${counts.lost} lost`;
  },
};
