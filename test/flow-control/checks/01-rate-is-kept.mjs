import { setTimeout as sleep } from "node:timers/promises";
import { mostWithin } from "../../chaos/harness/limits-checker.mjs";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf, stalledMs } from "../harness/starts.mjs";

const LIMIT = 100;
const SECONDS = 20;
const TASKS = LIMIT * SECONDS + 500;

export const number = 1;
export const name = "rate-is-kept";
export const check = "a rate of 100 per second, burst 1, with 8 workers of 50 slots";
export const expected =
  "shortened from 60 s to 20 s: at most 101 starts in any second, and 98.3% to 100% of the limit over the whole time; stalls of the machine reduce the lower bound";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await view.observer.limits.set(ctx.queueName, { queue: { rate: { limit: LIMIT, periodMs: 1_000 } } });
  await ctx.janitor(redis.url).ready();
  await ctx.startSlots(redis.url, 8, { concurrency: 50, leaseMs: 30_000 });
  const machine = await ctx.watchMachine(redis);
  const ids = await ctx.put(view, sleeps(TASKS, 5));
  await sleep(SECONDS * 1_000 + 1_500);
  const starts = attemptsOf(await ctx.records(view, ids)).map(({ startedAt }) => startedAt);
  const most = mostWithin(starts, 1_000);
  ctx.expect(most <= LIMIT + 1, `${most} starts in one second`);
  // The processes need time to start, so the measured span begins with the first start of a task.
  const first = Math.min(...starts);
  const stalled = stalledMs(await machine.stalls(), first, first + SECONDS * 1_000) / 1_000;
  const inSpan = starts.filter((at) => at < first + SECONDS * 1_000).length;
  ctx.expect(
    inSpan >= 0.983 * LIMIT * (SECONDS - stalled) && inSpan <= LIMIT * SECONDS + 1,
    `${inSpan} starts in ${SECONDS} s`,
  );
  await ctx.expectAudit(view);
  return `${inSpan} starts in ${SECONDS} s, at most ${most} in one second; the machine was stalled for ${stalled.toFixed(1)} s`;
}
