import { setTimeout as sleep } from "node:timers/promises";
import { POLL_MS } from "../harness/context.mjs";
import { percentile, until } from "../harness/until.mjs";

const TASKS = 50;
const BOUND_MS = POLL_MS + 150;

export const row = {
  order: 20,
  name: "wake-up-lost",
  fault: `every wake-up is lost on its way to an idle worker (poll ${POLL_MS} ms)`,
  expected: `each task starts within the poll interval (+ 150 ms of scheduling)`,
  async run(ctx) {
    const redis = await ctx.startRedis();
    const proxy = await ctx.proxy(redis.port);
    const view = ctx.client(redis.url);
    const worker = await ctx.worker(proxy.url).ready();
    proxy.state.dropping = (chunk) => chunk.includes("smessage");
    for (let i = 0; i < TASKS; i++) {
      await ctx.enqueue(view, [{ type: "sleep", payload: { ms: 0 } }]);
      await until("the task ran", () => worker.heard("settle").length === i + 1, 5_000, 5);
      await sleep(Math.random() * POLL_MS);
    }
    await ctx.settle(view);
    // The wait is measured until the handler runs, because a worker that lost the message does not know of the grant.
    const enqueuedAt = new Map(
      ctx.own.filter(({ phase }) => phase === "ok").map(({ id, mono }) => [id, mono]),
    );
    const waits = worker.heard("run").map(({ id, mono }) => Math.round(mono - enqueuedAt.get(id)));
    const slowest = Math.max(...waits);
    ctx.expect(proxy.state.dropped >= TASKS / 2, `only ${proxy.state.dropped} wake-ups were lost`);
    ctx.expect(slowest <= BOUND_MS, `a task waited ${slowest} ms`);
    return `${proxy.state.dropped} wake-ups lost; ${TASKS} tasks run after at most ${slowest} ms, ${percentile(waits, 0.5)} ms in the median`;
  },
};
