import { setTimeout as sleep } from "node:timers/promises";
import { AOF, afterSync } from "./redis.mjs";
import { mono } from "./until.mjs";

/** Makes a row of the fault matrix (one test) that kills Redis, and starts it again with its files. */
export function redisKilledRow(order, policy) {
  return {
    order,
    name: `redis-killed-${policy}`,
    // With "everysec", a kill during a sync can lose acknowledged writes. The row power-cut-everysec tests that case.
    fault: `kill -9 of Redis under load, twice${policy === "everysec" ? ", while it does not sync" : ""} (AOF ${policy})`,
    expected: "no task is lost; clients reconnect; the health check fails, then succeeds",
    timeoutMs: 60_000,
    async run(ctx) {
      const redis = await ctx.startRedis({ args: AOF[policy] });
      const settings = ctx.settings(redis.url);
      const view = ctx.client(redis.url);
      const api = await ctx.service("producer-api", { REDIS_URL: redis.url });
      await api.turns(200, 15_000);
      await ctx.janitor(settings).ready();
      await ctx.worker(settings).ready();
      await ctx.worker(settings).ready();
      const producers = [
        ctx.producer(settings, { ratePerSecond: 200, delayedShare: 0.2 }),
        ctx.producer(settings, {
          ratePerSecond: 100,
          type: "flaky",
          tries: 1,
          payload: { ms: 2, failures: 1 },
        }),
        ctx.producer(settings, { ratePerSecond: 40, http: api.url }),
      ];
      for (const producer of producers) await producer.ready();
      const red = [];
      const green = [];
      let upAt = 0;
      for (let round = 0; round < 2; round++) {
        await sleep(1_500);
        if (policy === "everysec") await afterSync(redis.port);
        await redis.kill();
        red.push(await api.turns(503, 10_000));
        await sleep(500);
        await redis.start();
        upAt = mono();
        green.push(await api.turns(200, 10_000));
      }
      await sleep(1_500);
      for (const producer of producers) await producer.finish();
      const counts = await ctx.settle(view);
      const ends = ctx.actors.filter(({ kind }) => kind !== "producer");
      ctx.expect(
        ends.every((actor) => actor.running),
        "a worker or janitor has ended",
      );
      const resumed = Math.round(ctx.heard("run").find((line) => line.mono > upAt)?.mono - upAt);
      return `${counts.acknowledged} acknowledged, ${counts.lost} lost, ${counts.recovered} recovered, ${counts.duplicated} ran twice; red after ${Math.max(...red)} ms, green ${Math.max(...green)} ms and first task ${resumed} ms after Redis was back`;
    },
  };
}
