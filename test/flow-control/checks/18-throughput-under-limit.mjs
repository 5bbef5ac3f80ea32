import { sleeps } from "../harness/context.mjs";
import { attemptsOf } from "../harness/starts.mjs";

const WORKERS = 4;
const SLOTS = 10;
const RUN_MS = 5_000;
const ROUNDS = 4;

export const number = 18;
export const name = "throughput-under-limit";
export const check = "tasks of 5 s on 4 workers with 10 slots each, with a limit of 40 and without a limit";
export const expected = "the throughput with the limit is at least 98% of the throughput without it";
export const waits = true;

/** @returns tasks per second, measured from the first start to the last end */
async function throughput(ctx, limits) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await view.observer.limits.set(ctx.queueName, limits);
  await ctx.janitor(redis.url).ready();
  await ctx.startSlots(redis.url, WORKERS, { concurrency: SLOTS, leaseMs: 30_000 });
  const ids = await ctx.put(view, sleeps(WORKERS * SLOTS * ROUNDS, RUN_MS, limits.key ? { key: "one" } : {}));
  await ctx.untilCompleted(view, ids.length);
  const attempts = attemptsOf(await ctx.records(view, ids));
  const from = Math.min(...attempts.map(({ startedAt }) => startedAt));
  const to = Math.max(...attempts.map(({ endedAt }) => endedAt));
  return (ids.length * 1_000) / (to - from);
}

export async function run(ctx) {
  const limit = { concurrency: WORKERS * SLOTS };
  const [without, queue, key] = await Promise.all([
    throughput(ctx, {}),
    throughput(ctx, { queue: limit }),
    throughput(ctx, { key: limit }),
  ]);
  const shares = [queue, key].map((rate) => Math.round((1_000 * rate) / without) / 10);
  for (const share of shares) ctx.expect(share >= 98, `${share}% of the throughput without a limit`);
  return `${without.toFixed(2)} tasks/s without a limit; ${shares[0]}% of that with a limit of the queue, ${shares[1]}% with one of the key`;
}
