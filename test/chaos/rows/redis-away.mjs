import { setTimeout as sleep } from "node:timers/promises";

const AWAY_MS = 60_000;

export const row = {
  order: 21,
  name: "redis-away",
  fault: "a worker service cut off from Redis for 60 s (then the same process continues)",
  expected: "the health check of the service reports the outage; the service continues without a restart",
  waits: true,
  timeoutMs: 120_000,
  async run(ctx) {
    const redis = await ctx.startRedis();
    const proxy = await ctx.proxy(redis.port);
    const view = ctx.client(redis.url);
    await ctx.janitor(redis.url).ready();
    const worker = await ctx.service("worker", {
      REDIS_URL: proxy.url,
      QUEUES: ctx.queueName,
      LEASE_MS: "1000",
    });
    await worker.turns(200, 15_000);
    const batch = () =>
      ctx.enqueue(
        view,
        Array.from({ length: 20 }, () => ({ type: "demo.sleep", payload: { ms: 5 } })),
      );
    await batch();
    await ctx.drain(view);
    const pid = worker.pid;
    proxy.set("refuse");
    proxy.cut();
    const cutAt = performance.now();
    const redMs = await worker.turns(503, 15_000);
    await batch();
    let green = 0;
    while (performance.now() - cutAt < AWAY_MS) {
      if ((await worker.readiness()) === 200) green++;
      await sleep(1_000);
    }
    proxy.set("pass");
    const backAt = performance.now();
    const greenMs = await worker.turns(200, 15_000);
    await ctx.drain(view);
    const drainedMs = Math.round(performance.now() - backAt);
    const counts = await ctx.settle(view);
    ctx.expect(green === 0, `the health check succeeded ${green} times while the service was cut off`);
    ctx.expect(worker.running && worker.pid === pid, "the worker was restarted");
    return `red after ${redMs} ms and for all of 60 s; green ${greenMs} ms, drained ${drainedMs} ms after Redis was back; ${counts.completed} completed by one process`;
  },
};
