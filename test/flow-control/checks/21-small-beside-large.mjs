import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../../chaos/harness/until.mjs";
import { sleeps } from "../harness/context.mjs";
import { undisturbed } from "../harness/starts.mjs";

const SLOTS = 10;
const RUN_MS = 50;
const DEPTHS = [1_000, 10_000, 100_000];
const TASKS = 50;
const BOUND_MS = 2 * RUN_MS + 50;

export const number = 21;
export const name = "small-beside-large";
export const check = "a key with a large backlog, and a small key that gets a task now and then";
export const expected =
  "depths up to 100,000 (shortened from 1,000,000), a task every 80 ms: at every depth the p99 wait of the small key is at most twice the run time of a task + 50 ms (150 ms), and the mean number of starts of the large key in between is the same within 10% + 1; waits during stalls of the machine are left out";

export async function run(ctx) {
  const waits = [];
  for (const depth of DEPTHS) {
    const redis = await ctx.startRedis();
    const view = ctx.client(redis.url);
    await ctx.keepAll(view);
    // There are more tasks than the worker can run during the check, so the large key always has waiting tasks.
    const large = await ctx.put(view, sleeps(depth + 1_500, RUN_MS, { key: "large" }));
    await ctx.startSlots(redis.url, 1, { concurrency: SLOTS, leaseMs: 30_000 });
    await sleep(500);
    const machine = await ctx.watchMachine(redis);
    const ids = [];
    for (let n = 0; n < TASKS; n++) {
      ids.push(...(await ctx.put(view, sleeps(1, RUN_MS, { key: "small" }))));
      await sleep(80);
    }
    await sleep(500);
    const { pendingKeyed } = await view.observer.stats(ctx.queueName);
    ctx.expect(pendingKeyed >= depth / 2, `at depth ${depth}, only ${pendingKeyed} tasks wait at the end`);
    const records = await ctx.records(view, ids);
    const spans = records.map(({ enqueuedAt, history }) => ({
      from: enqueuedAt,
      to: history[0]?.startedAt ?? Number.POSITIVE_INFINITY,
    }));
    const seen = undisturbed(spans, await machine.stalls());
    ctx.expect(
      seen.length >= TASKS / 2,
      `the machine was too busy: only ${seen.length} waits without a stall`,
    );
    const own = seen.map(({ from, to }) => to - from);
    const begun = await ctx.records(view, large.slice(0, 2_500));
    const starts = begun.flatMap(({ history }) => history.map(({ startedAt }) => startedAt));
    // The number of tasks of the large key that start in between depends on the turns of the keys, and not on the
    // speed of the machine.
    const between = spans.map(({ from, to }) => starts.filter((at) => at > from && at < to).length);
    waits.push({
      depth,
      p99: percentile(own, 0.99),
      between: between.reduce((sum, n) => sum + n, 0) / TASKS,
    });
    await ctx.expectAudit(view, `at depth ${depth}`);
    await redis.kill();
  }
  for (const { depth, p99 } of waits) ctx.expect(p99 <= BOUND_MS, `depth ${depth}: p99 ${p99} ms`);
  const means = waits.map(({ between }) => between);
  ctx.expect(
    Math.max(...means) <= Math.min(...means) * 1.1 + 1,
    `between enqueue and start, ${means.map((mean) => mean.toFixed(1)).join(", ")} tasks of the large key start`,
  );
  return waits
    .map(({ depth, p99, between }) => `depth ${depth}: p99 ${p99} ms, ${between.toFixed(1)} starts between`)
    .join("; ");
}
