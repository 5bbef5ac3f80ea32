import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS, POLL_MS, SWEEP_MS } from "../harness/context.mjs";
import { until } from "../harness/until.mjs";

const TASKS = 200;
const DOWN_MS = 2_000;
// The time is measured from the janitor's ready message, because its process needs time to start.
const BOUND_MS = SWEEP_MS + POLL_MS + 300;

export const row = {
  order: 6,
  name: "janitors",
  fault: "kill -9 of the only janitor, and none for 2 s; then two at the same time",
  expected: "tasks are late by at most the time without a janitor + a sweep; no task is queued twice",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    const only = await ctx.janitor(url).ready();
    const round = async (count) => {
      const victim = await ctx.worker(url, { concurrency: count }).ready();
      const ids = await ctx.enqueue(
        view,
        Array.from({ length: count }, () => ({ type: "hold", payload: {} })),
      );
      await until("all tasks are leased", () => victim.heard("run").length === count);
      await victim.kill();
      return { ids, killedAt: Date.now() };
    };
    const one = await round(TASKS);
    await only.kill();
    const heir = await ctx.worker(url, { concurrency: TASKS }).ready();
    await sleep(Math.max(0, one.killedAt + LEASE_MS + DOWN_MS - Date.now()));
    const { totals } = await view.observer.stats(ctx.queueName);
    ctx.expect(totals.crashed === 0, "tasks were taken back while there was no janitor");
    const next = await ctx.janitor(url).ready();
    const upAt = next.heard("process", { what: "ready" })[0].redisMs;
    await ctx.drain(view);
    await heir.kill();
    await ctx.janitor(url).ready();
    const two = await round(TASKS);
    await ctx.worker(url, { concurrency: TASKS }).ready();
    const { tasks } = await ctx.settle(view);
    const again = one.ids.map((id) => tasks.get(id).history[1].startedAt - upAt);
    ctx.expect(
      Math.max(...again) <= BOUND_MS,
      `leased again ${Math.max(...again)} ms after the janitor was back`,
    );
    const swept = ctx.heard("sweep").reduce((sum, { reaped }) => sum + reaped.requeued, 0);
    const after = await view.observer.stats(ctx.queueName);
    ctx.expect(swept === 2 * TASKS, `${swept} tasks were queued again, not ${2 * TASKS}`);
    ctx.expect(after.totals.crashed === 2 * TASKS, `${after.totals.crashed} crashes are counted`);
    ctx.expect(
      two.ids.every((id) => tasks.get(id).attempts === 2),
      "a task was granted more than twice",
    );
    return `${TASKS} tasks were leased again at most ${Math.max(...again)} ms after the janitor was back; two janitors queued ${TASKS} expired leases ${swept - TASKS} times in all`;
  },
};
