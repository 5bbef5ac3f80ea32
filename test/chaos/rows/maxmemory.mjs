import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../harness/until.mjs";

export const row = {
  order: 15,
  name: "maxmemory",
  fault: "maxmemory reached, noeviction; the worker is killed, and another is started",
  expected: "enqueue answers 503; acquire, ack, fail, heartbeat and reap still work, so the queue drains",
  async run(ctx) {
    const redis = await ctx.startRedis();
    const view = ctx.client(redis.url);
    const api = await ctx.service("producer-api", { REDIS_URL: redis.url });
    await api.turns(200, 15_000);
    await ctx.janitor(redis.url).ready();
    const victim = await ctx.worker(redis.url, { concurrency: 20 }).ready();
    await ctx.enqueue(
      view,
      Array.from({ length: 20 }, () => ({ type: "hold", payload: {} })),
    );
    await until("the worker that will be killed runs its tasks", () => victim.heard("run").length === 20);
    const memory = Number((await redis.info()).used_memory);
    await redis.cli("config", "set", "maxmemory", memory + (4 << 20));
    const text = "x".repeat(2_000);
    const producer = await ctx
      .producer(redis.url, {
        ratePerSecond: 1_500,
        http: api.url,
        tries: 1,
        type: "flaky",
        payload: { ms: 20, failures: 1, text },
      })
      .ready();
    await until(
      "enqueues are refused",
      () => producer.heard("enqueue", { status: 503 }).length >= 20,
      20_000,
    );
    await producer.finish();
    // Refused enqueues may have freed some memory. Even so, Redis is full with this limit.
    const full = Math.floor(Number((await redis.info()).used_memory) * 0.98);
    await redis.cli("config", "set", "maxmemory", full);
    await victim.kill();
    const stats = await view.observer.stats(ctx.queueName);
    const over = await redis.info();
    await ctx.worker(redis.url).ready();
    await sleep(100);
    const drainMs = await ctx.drain(view);
    const counts = await ctx.settle(view);
    const refused = producer.heard("enqueue").filter((line) => line.status);
    const answers = [...new Set(refused.map((line) => `${line.status} ${line.code}`))];
    ctx.expect(
      answers.length === 1 && answers[0] === "503 redis_out_of_memory",
      `answers: ${answers.join(", ")}`,
    );
    ctx.expect(Number(over.used_memory) >= Number(over.maxmemory), "Redis was not full");
    ctx.expect(counts.duplicated >= 20, "the killed worker's tasks did not come back");
    return `${refused.length} enqueues answered ${answers.join(", ")}; ${stats.pending + stats.scheduled} waiting tasks (one failure each) and ${stats.processing} of a killed worker drained in ${drainMs} ms`;
  },
};
