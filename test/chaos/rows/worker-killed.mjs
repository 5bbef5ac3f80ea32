import { LEASE_MS, POLL_MS, SWEEP_MS } from "../harness/context.mjs";
import { until } from "../harness/until.mjs";

const TASKS = 100;
const BOUND_MS = 1_800;

export const row = {
  order: 1,
  name: "worker-killed",
  fault: "kill -9 of a worker with 100 tasks leased",
  expected: `all tasks are leased again within ${BOUND_MS / 1000} s`,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const first = await ctx.worker(url, { concurrency: TASKS }).ready();
    await ctx.enqueue(
      view,
      Array.from({ length: TASKS }, () => ({ type: "hold", payload: {} })),
    );
    await until("all tasks are leased", () => first.heard("run").length === TASKS);
    await ctx.worker(url, { concurrency: TASKS }).ready();
    const killedAt = Date.now();
    await first.kill();
    const { tasks, duplicated } = await ctx.settle(view);
    const again = [...tasks.values()].map(({ history }) => (history[1]?.startedAt ?? Number.NaN) - killedAt);
    const slowest = Math.max(...again);
    ctx.expect(duplicated === TASKS, `${duplicated} of ${TASKS} tasks ran again`);
    ctx.expect(slowest <= BOUND_MS, `the last was leased again after ${slowest} ms`);
    return `${duplicated} leased again after ${Math.min(...again)} to ${slowest} ms (lease ${LEASE_MS}, sweep ${SWEEP_MS}, poll ${POLL_MS})`;
  },
};
