import { until } from "../../chaos/harness/until.mjs";
import { redisNow, sleeps } from "../harness/context.mjs";
import { attemptsOf, groupBy } from "../harness/starts.mjs";

const HIGH = 50;
const LOW = 5;

export const number = 14;
export const name = "limit-lowered";
export const check = "a limit is lowered from 50 to 5 while 50 tasks run, and then raised again";
export const expected =
  "no task is stopped, and none starts until only 4 run; after the limit is raised, 45 start within one call per worker";
export const waits = true;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { observer } = view;
  await ctx.keepAll(view);
  const limit = (concurrency) => observer.limits.set(ctx.queueName, { key: { concurrency } });
  await limit(HIGH);
  await ctx.janitor(redis.url).ready();
  await ctx.startSlots(redis.url, 2, { concurrency: 40, leaseMs: 30_000 });
  const running = async () => (await observer.limits.key(ctx.queueName, "a")).running;
  // The first 50 tasks end one after another, so that at one moment 5 of them still run, and later 4.
  const first = await ctx.put(
    view,
    Array.from({ length: HIGH }, (_, n) => ({ type: "sleep", payload: { ms: 1_500 + n * 30 }, key: "a" })),
  );
  await until("50 tasks run", async () => (await running()) === HIGH);
  const rest = await ctx.put(view, sleeps(100, 4_000, { key: "a" }));
  await limit(LOW);
  await ctx.untilCompleted(view, HIGH);
  await until("5 tasks run under the new limit", async () => (await running()) === LOW);
  const raisedAt = await redisNow(redis);
  await limit(HIGH);
  await until("50 tasks run again", async () => (await running()) === HIGH, 3_000, 5);

  const [old, more] = [await ctx.records(view, first), await ctx.records(view, rest)].map(attemptsOf);
  ctx.expect(
    old.every(({ outcome }) => outcome === "acked") && old.length === HIGH,
    "a running task was stopped",
  );
  const [lowered, raised] = [true, false].map((wanted) =>
    more.filter(({ startedAt }) => startedAt < raisedAt === wanted),
  );
  // Counts how many of the first 50 tasks were still running when the next task started.
  const next = Math.min(...lowered.map(({ startedAt }) => startedAt));
  const left = old.filter(({ endedAt }) => endedAt > next).length;
  ctx.expect(left === LOW - 1, `${left} of the first 50 tasks ran when the next task began`);
  ctx.expect(raised.length === HIGH - LOW, `${raised.length} tasks started after the limit was raised`);
  const lateMs = Math.round(Math.max(...raised.map(({ startedAt }) => startedAt)) - raisedAt);
  // All tasks that one call grants share a fence, so each fence stands for a call.
  const calls = [...groupBy(raised, ({ workerId }) => workerId).values()].map(
    (own) => new Set(own.map(({ fence }) => fence)).size,
  );
  ctx.expect(
    calls.every((count) => count === 1),
    `the workers took the tasks by ${calls.join(" and ")} calls`,
  );
  await ctx.expectAudit(view);
  return `no task was stopped; ${left} ran when the next began; ${raised.length} started within ${lateMs} ms by ${calls.join(" and ")} calls`;
}
