import { setTimeout as sleep } from "node:timers/promises";
import { oldVersion } from "../../chaos/harness/old-version.mjs";
import { until } from "../../chaos/harness/until.mjs";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf, fullestKey, groupBy } from "../harness/starts.mjs";

const CONCURRENCY = 3;

export const number = 19;
export const name = "old-workers";
export const check =
  "a rolling deploy: a limit is set while workers of the version without keys run beside new ones";
export const expected =
  "once the limit is set, an old worker is granted nothing and is told the reason; the limit is never exceeded; all tasks complete on new workers";
export const waits = true;

export async function run(ctx) {
  const root = oldVersion();
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await ctx.janitor(redis.url).ready();
  const old = await ctx.startSlots(redis.url, 2, { root, concurrency: 10, leaseMs: 30_000, pollMs: 100 });
  // As long as nobody uses keys or limits, workers of both versions share the queue.
  const before = await ctx.put(view, sleeps(100, 5));
  await ctx.untilCompleted(view, before.length);
  await view.observer.limits.set(ctx.queueName, { key: { concurrency: CONCURRENCY } });
  const fresh = await ctx.startSlots(redis.url, 1, { concurrency: 10, leaseMs: 30_000 });
  const ids = await ctx.put(
    view,
    sleeps(300, 20).map((task, n) => ({ ...task, ...(n % 3 === 0 ? {} : { key: `k${n % 2}` }) })),
  );
  await ctx.untilCompleted(view, before.length + ids.length);
  const isOld = new Set(old.map((worker) => worker.heard("process", { what: "ready" })[0].workerId));
  const early = attemptsOf(await ctx.records(view, before));
  ctx.expect(
    early.every(({ workerId }) => isOld.has(workerId)),
    "the old workers did not run the first tasks",
  );
  const attempts = attemptsOf(await ctx.records(view, ids));
  const byOld = attempts.filter(({ workerId }) => isOld.has(workerId));
  ctx.expect(byOld.length === 0, `${byOld.length} tasks ran on an old worker`);
  await sleep(300);
  await until(
    "the old workers were told the reason",
    () => old.every((worker) => worker.heard("error").length > 0),
    3_000,
  ).catch(() => ctx.expect(false, "an old worker was not refused"));
  const told = [
    ...groupBy(
      old.flatMap((worker) => worker.heard("error")),
      ({ code }) => code,
    ).keys(),
  ];
  const keyed = fullestKey(attempts.filter(({ key }) => key !== null));
  ctx.expect(keyed.most === CONCURRENCY, `${keyed.most} tasks of ${keyed.key} at one time`);
  ctx.expect(fresh[0].running, "the new worker ended");
  await ctx.expectAudit(view);
  return `${early.length} tasks on old workers before the limit, ${byOld.length} of ${ids.length} after it; they were told ${told.join(", ")}; at most ${keyed.most} of a key`;
}
