import { setTimeout as sleep } from "node:timers/promises";
import { CONCURRENCY, checkLimits, limitKeys, startKeyedLoad } from "../harness/keyed-load.mjs";
import { AOF } from "../harness/redis.mjs";

const ROUNDS = 3;

export const row = {
  order: 28,
  name: "key-limits-redis-killed",
  fault: `kill -9 of Redis under limits of keys, ${ROUNDS} times (AOF always)`,
  expected: `never more than ${CONCURRENCY} leases of a key, the rate is kept; no key is stuck; no task is lost`,
  timeoutMs: 90_000,
  async run(ctx) {
    const redis = await ctx.startRedis({ args: AOF.always });
    const settings = ctx.settings(redis.url);
    const view = ctx.client(redis.url);
    await ctx.janitor(settings).ready();
    await limitKeys(ctx, view);
    await ctx.worker(settings, { concurrency: 10 }).ready();
    await ctx.worker(settings, { concurrency: 10 }).ready();
    const producers = await startKeyedLoad(ctx, settings);
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(2_500);
      await redis.kill();
      // In one round, Redis is down for longer than a lease, so that leases expire in this time.
      await sleep(round === 1 ? 1_500 : 300);
      await redis.start();
    }
    await sleep(2_500);
    for (const producer of producers) await producer.finish();
    const counts = await ctx.settle(view);
    const { seen } = checkLimits(ctx, counts.tasks);
    return `${seen}; ${counts.acknowledged} acknowledged, ${counts.lost} lost, ${counts.duplicated} ran twice`;
  },
};
