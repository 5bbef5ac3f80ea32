import { setTimeout as sleep } from "node:timers/promises";
import { mostWithin } from "../../chaos/harness/limits-checker.mjs";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf, groupBy, stalledMs } from "../harness/starts.mjs";

const LIMIT = 100;
const COST = 10;
const SECONDS = 8;

export const number = 4;
export const name = "cost";
export const check = "tasks of cost 10 at a rate of 100 per second; a cost above the burst";
export const expected =
  "for 8 s, 10 starts a second (stalls of the machine reduce the lower bound). A task whose cost exceeds the burst is neither refused nor dead (ADR 0032): it starts when the whole burst is available. The next task starts when that cost is paid back. No task is stuck after the limit was lowered";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { observer } = view;
  await ctx.keepAll(view);
  const limit = (rate) => observer.limits.set(ctx.queueName, { key: { rate: { periodMs: 1_000, ...rate } } });
  await limit({ limit: LIMIT, burst: COST });
  await ctx.janitor(redis.url).ready();
  await ctx.startSlots(redis.url, 2, { leaseMs: 30_000 });
  const machine = await ctx.watchMachine(redis);
  const ids = await ctx.put(view, sleeps(SECONDS * 10 + 40, 1, { key: "heavy", cost: COST }));
  await sleep(SECONDS * 1_000 + 500);
  const starts = attemptsOf(await ctx.records(view, ids)).map(({ startedAt }) => startedAt);
  const first = Math.min(...starts);
  const inSpan = starts.filter((at) => at < first + SECONDS * 1_000).length;
  const most = mostWithin(
    starts,
    1_000,
    starts.map(() => COST),
  );
  const stalled = stalledMs(await machine.stalls(), first, first + SECONDS * 1_000) / 1_000;
  ctx.expect(
    inSpan >= 10 * (SECONDS - stalled) - 1 && inSpan <= 10 * SECONDS + 1,
    `${inSpan} starts in ${SECONDS} s`,
  );
  ctx.expect(most <= LIMIT + COST, `starts of cost ${most} in one second`);
  await ctx.untilCompleted(view, ids.length);

  // The burst is 4. A task with cost 50 starts and leaves a debt of 46. The next task has to wait until the rate has
  // repaid the debt.
  await limit({ limit: LIMIT, burst: 4 });
  const costs = [50, 1, 50, 1];
  const big = await ctx.put(
    view,
    costs.map((cost) => ({ type: "sleep", payload: { ms: 1 }, key: "big", cost })),
  );
  await ctx.untilCompleted(view, ids.length + big.length, 20_000);
  const tasks = await ctx.records(view, big);
  ctx.expect(
    tasks.every(({ state }) => state === "completed"),
    "a task of cost 50 did not complete",
  );
  const [one, two, three, four] = tasks.map(({ history }) => history[0].startedAt);
  const intervalMs = 1_000 / LIMIT;
  // A worker may start a task early, by at most nine tenths of the time between two starts (ADR 0032).
  for (const [from, to, owed] of [
    [one, two, 50 - 4],
    [three, four, 50 - 4],
  ])
    ctx.expect(
      to - from >= (owed - 1) * intervalMs && to - from <= (owed + 6) * intervalMs + 50,
      `the task after one of cost 50 started only ${to - from} ms later`,
    );
  ctx.expect(
    three - two >= 2 * intervalMs,
    `the second task of cost 50 started only ${three - two} ms after the task of cost 1`,
  );

  // When these tasks are enqueued, the burst allows their cost. Then the limit is lowered, so that their cost exceeds
  // the burst.
  const late = await ctx.put(view, sleeps(3, 1, { key: "late", cost: 4 }));
  await limit({ limit: 20, burst: 1 });
  await ctx.untilCompleted(view, ids.length + big.length + late.length, 20_000);
  ctx.expect(
    groupBy(await ctx.records(view, late), ({ state }) => state).size === 1,
    "not all tasks ended in the same state",
  );
  await ctx.expectAudit(view);
  return `${inSpan} starts in ${SECONDS} s, cost ${most} at most in a second; after a cost of 50 the next task waited ${two - one} and ${four - three} ms; all completed`;
}
