import { setTimeout as sleep } from "node:timers/promises";
import { redisNow, sleeps } from "../harness/context.mjs";
import { percent } from "../harness/order.mjs";
import { attemptsOf } from "../harness/starts.mjs";

const SECONDS = 12;
const SLOTS = 10;
const ERROR = 0.05;

export const number = 24;
export const name = "fair-by-time";
export const check = 'fairBy "time": the tasks of one key run ten times as long';
export const expected =
  "for 12 s, the time that each key uses slots is within 5% of its weight, at 1:1 and 1:3";
export const waits = true;

async function sharesOfTime(ctx, weights) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  const { limits } = view.observer;
  await limits.set(ctx.queueName, { fairBy: "time" });
  for (const [key, weight] of Object.entries(weights)) await limits.setKey(ctx.queueName, key, { weight });
  const long = await ctx.put(view, sleeps(1_500, 200, { key: "long" }));
  const short = await ctx.put(view, sleeps(12_000, 20, { key: "short" }));
  await ctx.startSlots(redis.url, 1, { concurrency: SLOTS, leaseMs: 30_000, aheadMs: 0 });
  await sleep(1_000);
  const from = await redisNow(redis);
  await sleep(SECONDS * 1_000);
  const to = await redisNow(redis);
  const inSpan = (tasks) =>
    attemptsOf(tasks).reduce(
      (sum, { startedAt, endedAt }) =>
        sum + Math.max(0, Math.min(endedAt ?? to, to) - Math.max(startedAt, from)),
      0,
    );
  const [slow, quick] = [inSpan(await ctx.records(view, long)), inSpan(await ctx.records(view, short))];
  const used = (slow + quick) / ((to - from) * SLOTS);
  ctx.expect(used > 0.9, `only ${percent(used)} of the slots were used`);
  await ctx.expectAudit(view);
  return slow / (slow + quick);
}

export async function run(ctx) {
  const cases = [
    { long: 1, short: 1 },
    { long: 1, short: 3 },
  ];
  const shares = await Promise.all(cases.map((weights) => sharesOfTime(ctx, weights)));
  cases.forEach(({ long, short }, n) => {
    const wanted = long / (long + short);
    ctx.expect(
      Math.abs(shares[n] - wanted) <= ERROR,
      `${long}:${short}: the long tasks have ${percent(shares[n])} of the time, ${percent(wanted)} expected`,
    );
  });
  return `the long tasks have ${percent(shares[0])} of the time at 1:1, ${percent(shares[1])} at 1:3`;
}
