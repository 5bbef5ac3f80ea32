import { setTimeout as sleep } from "node:timers/promises";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf, fullestKey } from "../harness/starts.mjs";

const WORKERS = 20;
const KEYS = 30;
/** With handlers of this length, ms, 90 of the 100 slots are busy. So a killed worker certainly holds tasks. */
const RUN_MS = 120;
const CONCURRENCY = 3;
const TASKS = 16_000;
const KILL_EVERY_MS = 2_000;

export const number = 11;
export const name = "concurrency-under-kills";
export const check = "a limit of 3 tasks per key, and kill -9 of one of 20 workers every 2 s";
export const expected =
  "at least 20 s (shortened from 10 minutes), and a kill every 2 s (instead of 5 s): never more than 3 leases of a key, the counts equal the leases at the end, no task is stuck";
export const waits = true;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await view.observer.limits.set(ctx.queueName, { key: { concurrency: CONCURRENCY } });
  await ctx.janitor(redis.url).ready();
  const workers = await ctx.startSlots(redis.url, WORKERS, { concurrency: 5 });
  const ids = await ctx.put(
    view,
    sleeps(TASKS, RUN_MS, { maxRetries: 20 }).map((task, n) => ({ ...task, key: `k${n % KEYS}` })),
  );
  let kills = 0;
  for (;;) {
    await sleep(KILL_EVERY_MS);
    if ((await view.observer.stats(ctx.queueName)).completed > TASKS * 0.9) break;
    await workers.shift().kill();
    kills++;
    workers.push(ctx.slots(redis.url, { concurrency: 5 }));
  }
  await ctx.drain(view, 60_000);
  const tasks = await ctx.records(view, ids);
  const attempts = attemptsOf(tasks);
  const { key, most } = fullestKey(attempts);
  ctx.expect(most === CONCURRENCY, `${key} had ${most} leases at one time`);
  const crashed = attempts.filter(({ outcome }) => outcome === "crashed").length;
  ctx.expect(kills >= 8 && crashed > 0, `${kills} kills, ${crashed} crashed attempts`);
  const open = tasks.filter(({ state }) => state !== "completed");
  ctx.expect(open.length === 0, `${open.length} tasks are not completed; the first is ${open[0]?.state}`);
  await ctx.expectAudit(view);
  return `${kills} kills, ${crashed} crashed attempts, at most ${most} leases of a key, ${tasks.length - open.length} completed`;
}
