import { setTimeout as sleep } from "node:timers/promises";
import { batch, Worker } from "holdfast";
import { until } from "../../chaos/harness/until.mjs";

const TASKS = 400;
const EVERY_MS = 100;
const WAIT_MS = 200;
const BOUND_MS = 220;

export const number = 2;
export const name = "trickle";
export const check = `a task every ${EVERY_MS} ms, ${TASKS} in all, for a batch handler with waitMs ${WAIT_MS}`;
export const expected = `99 of 100 tasks wait at most ${BOUND_MS} ms for their handler, and no task has a lease before its batch is full or due`;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { client, queue, observer } = view;
  await queue.ready();
  const waits = [];
  let calls = 0;
  const handler = (tasks) => {
    calls++;
    const now = client.connection.now();
    for (const { enqueuedAt } of tasks) waits.push(now - enqueuedAt);
  };
  const worker = new Worker(
    ctx.queueName,
    { row: batch({ max: 100, waitMs: WAIT_MS }, handler) },
    { redis: redis.url },
  );
  ctx.onClose(() => worker.stop());
  await worker.start();
  let looks = 0;
  let leased = 0;
  for (let n = 0; n < TASKS; n++) {
    await queue.enqueue("row", n);
    await sleep(EVERY_MS);
    looks++;
    if ((await observer.stats(ctx.queueName)).processing > 0) leased++;
  }
  await until("all tasks have ended", async () => waits.length === TASKS);
  waits.sort((a, b) => a - b);
  const at = (share) => Math.round(waits[Math.floor(share * TASKS)]);
  ctx.expect(at(0.99) <= BOUND_MS, `the p99 of the waits is ${at(0.99)} ms`);
  // The handler returns at once, so tasks rarely have a lease. If tasks waited for a full batch under a lease, they
  // would have one at almost every look.
  ctx.expect(leased < looks / 10, `a task had a lease at ${leased} of ${looks} looks`);
  await ctx.expectAudit(view);
  return `waits: p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${Math.round(waits[TASKS - 1])} ms, in ${calls} calls; a task had a lease at ${leased} of ${looks} looks`;
}
