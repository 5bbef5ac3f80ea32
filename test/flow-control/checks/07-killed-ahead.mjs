import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS, SWEEP_MS } from "../../chaos/harness/context.mjs";
import { mostWithin } from "../../chaos/harness/limits-checker.mjs";
import { until } from "../../chaos/harness/until.mjs";
import { redisNow, sleeps } from "../harness/context.mjs";
import { attemptsOf, stalledMs } from "../harness/starts.mjs";

const LIMIT = 1_000;
const BURST = 400;
const SECONDS = 12;
/** The worker is killed as soon as it holds this many tasks. */
const AHEAD = 200;

export const number = 7;
export const name = "killed-ahead";
export const check =
  "kill -9 of a worker that holds hundreds of tasks and has not begun them, under a rate of 1,000 per second";
export const expected =
  "shortened from an hour to 12 s: grants within 0.5% of the limit, and never above limit + burst in a second (stalls of the machine reduce the lower bound); every task of the dead worker is back within lease + sweep. Redis cannot know which tasks a dead worker had begun, so their part of the rate stays spent: less than 0.5% of an hour's limit per crash";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  const rate = { limit: LIMIT, periodMs: 1_000, burst: BURST };
  await view.observer.limits.set(ctx.queueName, { queue: { rate } });
  await ctx.janitor(redis.url).ready();
  // The workers of ctx.worker record each run. So the check knows which tasks this worker had begun when it died.
  const start = () => ctx.worker(redis.url, { concurrency: 4, aheadMs: 100 }).ready();
  const first = await start();
  // These workers are paused until the first worker dies. Then they take over its tasks at once.
  const others = await ctx.startSlots(redis.url, 2, { concurrency: 20, leaseMs: 30_000 });
  for (const other of others) other.signal("SIGSTOP");
  // In this time, the worker measures how short the tasks are, and the rate saves up a whole burst.
  await ctx.put(view, sleeps(2_000, 1));
  await ctx.untilCompleted(view, 2_000);
  const machine = await ctx.watchMachine(redis);
  await view.observer.limits.hold(ctx.queueName, 60_000);
  await sleep(BURST + 100);
  const ids = await ctx.put(view, sleeps(LIMIT * SECONDS + 3_000, 1));
  await view.observer.limits.hold(ctx.queueName, 0);
  await until(
    "the worker has taken many tasks ahead",
    async () => (await view.observer.stats(ctx.queueName)).processing >= AHEAD,
    5_000,
    1,
  );
  const killedAt = await redisNow(redis);
  await first.kill();
  for (const other of others) other.signal("SIGCONT");
  await sleep(SECONDS * 1_000 + 500);
  const attempts = attemptsOf(await ctx.records(view, ids));
  const starts = attempts.map(({ startedAt }) => startedAt);
  const from = Math.min(...starts);
  const granted = starts.filter((at) => at < from + SECONDS * 1_000).length;
  const stalled = stalledMs(await machine.stalls(), from, from + SECONDS * 1_000) / 1_000;
  const least = 0.995 * LIMIT * (SECONDS - stalled);
  ctx.expect(granted >= least && granted <= LIMIT * SECONDS + BURST, `${granted} grants in ${SECONDS} s`);
  const most = mostWithin(starts, 1_000);
  ctx.expect(most <= LIMIT + BURST, `${most} grants in one second`);

  const crashed = attempts.filter(({ outcome }) => outcome === "crashed");
  const begun = new Set(first.heard("run", { phase: "invoke" }).map((line) => `${line.id} ${line.attempt}`));
  const unbegun = crashed.filter(({ id, attempt }) => !begun.has(`${id} ${attempt}`)).length;
  ctx.expect(unbegun > 0, "the worker had taken no task ahead");
  const backMs = Math.round(Math.max(...crashed.map(({ endedAt }) => endedAt - killedAt)));
  ctx.expect(backMs <= LEASE_MS + SWEEP_MS + 100, `the last task was back after ${backMs} ms`);
  ctx.expect(
    unbegun <= 0.005 * LIMIT * 3_600,
    `${unbegun} starts of the rate went to tasks that were not begun`,
  );
  await ctx.untilCompleted(view, 2_000 + ids.length);
  await ctx.expectAudit(view);
  return `${granted} grants in ${SECONDS} s, at most ${most} in a second; ${crashed.length} tasks (${unbegun} not begun) back after ${backMs} ms`;
}
