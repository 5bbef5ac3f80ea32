import { setTimeout as sleep } from "node:timers/promises";
import { AOF } from "../harness/redis.mjs";

export const row = {
  order: 16,
  name: "script-flush",
  fault: "SCRIPT FLUSH every 20 ms under load, batches included; then a Redis restart",
  expected: "no caller sees a failure",
  async run(ctx) {
    const redis = await ctx.startRedis({ args: AOF.always });
    const view = ctx.client(redis.url);
    await ctx.janitor(redis.url).ready();
    await ctx.worker(redis.url).ready();
    const producer = await ctx.producer(redis.url, { ratePerSecond: 300, tries: 1 }).ready();
    let flushes = 0;
    const flushing = async (forMs) => {
      const until = performance.now() + forMs;
      for (; performance.now() < until; flushes++) {
        await view.client.connection.command("SCRIPT", "FLUSH");
        const batch = Array.from({ length: 40 }, () => ({ type: "sleep", payload: { ms: 1 } }));
        if (flushes % 10 === 0) await ctx.enqueue(view, batch);
        await sleep(20);
      }
    };
    await flushing(1_500);
    await redis.kill();
    await redis.start();
    await flushing(1_500);
    await producer.finish();
    const counts = await ctx.settle(view);
    const failures = producer
      .heard("enqueue")
      .filter((line) => line.phase === "fail" || line.phase === "info");
    const errors = ctx.actors
      .flatMap((actor) => actor.heard("error"))
      .filter(({ code }) => code !== "redis_unavailable" && code !== "outcome_unknown");
    ctx.expect(failures.length === 0, `${failures.length} enqueues failed: ${failures[0]?.code}`);
    ctx.expect(errors.length === 0, `an actor met ${errors[0]?.code}: ${errors[0]?.message}`);
    return `${flushes} flushes and a restart: ${counts.acknowledged} enqueues, ${failures.length} failed, ${counts.lost} lost`;
  },
};
