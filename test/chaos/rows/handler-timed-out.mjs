import { LEASE_MS, POLL_MS, SWEEP_MS } from "../harness/context.mjs";
import { until } from "../harness/until.mjs";

const TIMEOUT_MS = 1_500;
const BOUND_MS = LEASE_MS + SWEEP_MS + POLL_MS + 300;

export const row = {
  order: 4,
  name: "handler-timed-out",
  fault:
    "handlers that exceed their time-out (1.5 s here) and ignore the signal; one worker cannot even settle",
  expected: `no heartbeat after the deadline; the task is leased again within deadline + lease + sweep (+ poll: ${BOUND_MS} ms)`,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const first = await ctx.worker(url, { concurrency: 20 }).ready();
    const options = { timeoutMs: TIMEOUT_MS };
    const deaf = await ctx.enqueue(
      view,
      Array.from({ length: 10 }, () => ({ type: "deaf", payload: {}, ...options })),
    );
    await until("the tasks run", () => first.heard("run").length === 10);
    const blocked = await ctx.enqueue(view, [{ type: "block", payload: { ms: 5_000 }, ...options }]);
    await ctx.worker(url, { concurrency: 20 }).ready();
    await until(
      "Redis has answered the verdicts of the blocked worker",
      () => first.heard("settle").length >= 11,
    );
    const { tasks } = await ctx.settle(view);
    const back = [...deaf, ...blocked].map((id) => {
      const { history, state, attempts } = tasks.get(id);
      ctx.expect(state === "completed" && attempts === 2, `${id} is ${state} after ${attempts} attempts`);
      return history[1].startedAt - history[0].startedAt - TIMEOUT_MS;
    });
    ctx.expect(
      Math.max(...back) <= BOUND_MS,
      `a task was leased again ${Math.max(...back)} ms after its deadline`,
    );
    return `11 tasks leased again ${Math.min(...back)} to ${Math.max(...back)} ms after the deadline, each completed in attempt 2`;
  },
};
