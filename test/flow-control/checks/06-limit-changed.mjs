import { setTimeout as sleep } from "node:timers/promises";
import { redisNow, sleeps } from "../harness/context.mjs";
import { attemptsOf } from "../harness/starts.mjs";

const WAITING = 100_000;
const KEYS = 1_000;
const SPAN_MS = 2_000;

export const number = 6;
export const name = "limit-changed";
export const check = "a limit is changed while 100,000 tasks wait, and no worker is restarted";
export const expected =
  "the first call after a change obeys the new limit: a rate, a hold, the concurrency of the queue and of 1,000 keys, lowered and raised";
export const waits = true;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { observer, hands } = view;
  const { limits } = observer;
  await ctx.keepAll(view);
  await limits.hold(ctx.queueName, 3_600_000);
  const ids = await ctx.put(
    view,
    sleeps(WAITING, 1).map((task, n) => ({ ...task, key: `k${n % KEYS}` })),
  );
  const calls = [];
  /** Makes a change, and then checks the next call of a worker that had started before the change. */
  const first = async (change, want, least, what) => {
    await change();
    const grants = await hands.acquire(want);
    calls.push({ what, isObeyed: grants.length === least });
    ctx.expect(grants.length === least, `${what}: ${grants.length} granted, ${least} expected`);
    return grants;
  };
  const ended = async (grants) => {
    await hands.ack(grants);
  };
  await first(async () => {}, 10, 0, "held");
  await ended(await first(() => limits.hold(ctx.queueName, 0), 10, 10, "the hold is ended"));
  await first(() => limits.hold(ctx.queueName, 60_000), 10, 0, "held again");
  await limits.hold(ctx.queueName, 0);
  const seven = await first(
    () => limits.set(ctx.queueName, { queue: { concurrency: 7 } }),
    100,
    7,
    "7 of the queue",
  );
  await first(() => limits.set(ctx.queueName, { queue: { concurrency: 3 } }), 100, 0, "lowered to 3");
  const two = await first(
    () => limits.set(ctx.queueName, { queue: { concurrency: 9 } }),
    100,
    2,
    "raised to 9",
  );
  await ended([...seven, ...two]);
  await limits.set(ctx.queueName, { key: { concurrency: 1 } });
  const ones = [];
  for (let calls = 0; calls < 4; calls++) ones.push(...(await hands.acquire(500)));
  ctx.expect(ones.length === KEYS, `${ones.length} tasks were granted when each of ${KEYS} keys may run one`);
  const more = [];
  await limits.set(ctx.queueName, { key: { concurrency: 2 } });
  for (let calls = 0; calls < 4; calls++) more.push(...(await hands.acquire(500)));
  ctx.expect(more.length === KEYS, `${more.length} more tasks were granted when each key may run two`);
  for (const half of [ones, more])
    for (let at = 0; at < half.length; at += 250) await ended(half.slice(at, at + 250));

  // These workers run both before and after the change.
  await limits.set(ctx.queueName, {});
  await ctx.janitor(redis.url).ready();
  const workers = await ctx.startSlots(redis.url, 2, { concurrency: 20, leaseMs: 30_000 });
  const { totals } = await observer.stats(ctx.queueName);
  await ctx.untilCompleted(view, totals.acked + 1_000);
  await limits.set(ctx.queueName, { queue: { rate: { limit: 10, periodMs: 1_000 } } });
  const changedAt = await redisNow(redis);
  await sleep(SPAN_MS);
  const slow = attemptsOf(await ctx.records(view, ids)).filter(
    ({ startedAt }) => startedAt > changedAt && startedAt <= changedAt + SPAN_MS,
  ).length;
  ctx.expect(slow >= 15 && slow <= 21, `${slow} starts in 2 s after the rate was set to 10 per second`);
  ctx.expect(
    workers.every((worker) => worker.running && worker.heard("process", { what: "ready" }).length === 1),
    "a worker was restarted",
  );
  await ctx.expectAudit(view);
  return `${calls.filter(({ isObeyed }) => isObeyed).length} of ${calls.length} changes obeyed by the first call; ${slow} starts in the 2 s after a rate of 10 per second`;
}
