import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../harness/until.mjs";

const ROUNDS = 20;

export const row = {
  order: 13,
  name: "reply-swallowed",
  fault:
    "the reply of an enqueue, an acquire, a settle is swallowed, then the connection is closed (20 times each)",
  expected: "one task per enqueue; each task runs once; no lease runs out",
  async run(ctx) {
    const redis = await ctx.startRedis();
    const view = ctx.client(redis.url);
    await ctx.janitor(redis.url).ready();
    const [toProducer, toWorker] = [await ctx.proxy(redis.port), await ctx.proxy(redis.port)];
    const { queue } = ctx.client(ctx.settings(toProducer.url));
    await ctx.worker(ctx.settings(toWorker.url)).ready();
    const isScript = (chunk) =>
      chunk.includes("evalsha") || chunk.includes("EVALSHA") || chunk.includes("EVAL");
    await ctx.enqueue({ queue }, [{ type: "sleep", payload: { ms: 1 } }]);
    await ctx.drain(view);
    for (let round = 0; round < ROUNDS; round++) {
      toProducer.swallowNext((chunk) => isScript(chunk) && chunk.includes("canary-enqueue"));
      await ctx.enqueue({ queue }, [{ type: "sleep", payload: { ms: 5, name: "canary-enqueue" } }]);
      // The proxy drops the reply of the next script call of the worker. This may be an acquire, a settle or a
      // heartbeat.
      toWorker.swallowNext(isScript);
      await ctx.enqueue(view, [{ type: "sleep", payload: { ms: 5 } }]);
      await until("a reply of the worker was swallowed", () => toWorker.state.swallow === undefined, 5_000);
      await sleep(30);
    }
    const counts = await ctx.settle(view);
    const stats = await view.observer.stats(ctx.queueName);
    const total = 1 + 2 * ROUNDS;
    ctx.expect(stats.totals.enqueued === total, `${stats.totals.enqueued} tasks, not ${total}`);
    ctx.expect(
      counts.duplicated === 0 && stats.totals.crashed === 0,
      `${counts.duplicated} ran twice, ${stats.totals.crashed} leases ran out`,
    );
    ctx.expect(
      toProducer.state.swallowed >= ROUNDS && toWorker.state.swallowed >= ROUNDS,
      "not every reply was swallowed",
    );
    return `${toProducer.state.swallowed} and ${toWorker.state.swallowed} replies swallowed; ${stats.totals.enqueued} tasks of ${total} enqueues, ${stats.totals.attempts} grants, ${stats.totals.crashed} leases ran out`;
  },
};
