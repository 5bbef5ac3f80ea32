import { setTimeout as sleep } from "node:timers/promises";
import { percentile, until } from "../../chaos/harness/until.mjs";
import { undisturbed } from "../harness/starts.mjs";

const SLEEP_MS = 10_000;
const ROUNDS = 100;
const HOLD_MS = 100;
const LATE_MS = 20;

export const number = 3;
export const name = "sleeping-key";
export const check = "a worker whose only key is on hold asks rarely, and starts the task on time";
export const expected =
  "shortened from 30 s to 10 s: the worker asks for tasks at most twice a second; of 100 starts, the p99 is at most 20 ms after the end of a hold, and none is before it; starts during stalls of the machine are left out";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { queue, observer } = view;
  await ctx.keepAll(view);
  const [worker] = await ctx.startSlots(redis.url, 1, { leaseMs: 30_000, tellScripts: true });
  const put = async () => (await ctx.put(view, [{ type: "sleep", payload: { ms: 0 }, key: "a" }]))[0];
  /**
   * @returns when the hold of the key ends, by the clock of Redis
   */
  const heldUntil = async () => (await observer.limits.key(ctx.queueName, "a")).heldUntil;

  await queue.hold("a", SLEEP_MS + 1_000);
  await put();
  await sleep(500);
  const before = worker.heard("script").length;
  await sleep(SLEEP_MS);
  const asked = worker
    .heard("script")
    .slice(before)
    .filter(({ script }) => script === "acquire" || script === "settle").length;
  ctx.expect(asked <= (2 * SLEEP_MS) / 1_000, `the worker asked ${asked} times in ${SLEEP_MS / 1_000} s`);
  // If the worker never polled, it would not serve the queue at all, and the check would prove nothing.
  ctx.expect(asked >= 1, "the worker did not poll");
  await ctx.untilCompleted(view, 1);

  const machine = await ctx.watchMachine(redis);
  const starts = [];
  for (let round = 0; round < ROUNDS; round++) {
    await queue.hold("a", HOLD_MS);
    const end = await heldUntil();
    const id = await put();
    await until(
      "the task ended",
      async () => (await observer.task(ctx.queueName, id)).state === "completed",
      5_000,
      5,
    );
    const { startedAt } = (await observer.task(ctx.queueName, id)).history[0];
    starts.push({ from: end, to: startedAt });
  }
  const seen = undisturbed(starts, await machine.stalls());
  ctx.expect(
    seen.length >= ROUNDS / 2,
    `the machine was too busy: only ${seen.length} starts without a stall`,
  );
  const late = seen.map(({ from, to }) => to - from);
  const p99 = percentile(late, 0.99);
  ctx.expect(p99 <= LATE_MS, `p99 of the starts is ${p99} ms after the end of the hold`);
  ctx.expect(Math.min(...late) >= 0, `a task started ${-Math.min(...late)} ms before its time`);
  await ctx.expectAudit(view);
  return `the worker asked ${asked} times in ${SLEEP_MS / 1_000} s; starts ${Math.min(...late)} to ${Math.max(...late)} ms late, p99 ${p99}, of ${late.length}`;
}
