import { setTimeout as sleep } from "node:timers/promises";
import { percentile, until } from "../../chaos/harness/until.mjs";
import { sleeps } from "../harness/context.mjs";
import { undisturbed } from "../harness/starts.mjs";

const RUNNING = 50;
const HOLD_MS = 2_000;
// There are many of these tasks, so that their p99 is not just the longest wait. They come during the whole hold of
// two seconds.
const OTHERS = 400;
const OTHER_EVERY_MS = 5;

export const number = 5;
export const name = "rate-limited";
export const check = "one of 50 running tasks of a key throws RateLimited(2000)";
export const expected =
  "no task of this key starts for 2 s, then one starts within 20 ms; the p99 wait of other keys grows by at most 5% + 5 ms; waits during stalls of the machine are left out; no attempt is counted; the 49 others complete";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await ctx.janitor(redis.url).ready();
  const [worker] = await ctx.startSlots(redis.url, 1, { concurrency: 200, leaseMs: 30_000 });

  /** Enqueues tasks of other keys, one every `OTHER_EVERY_MS`. @returns their ids */
  const others = async (key) => {
    const ids = [];
    for (let n = 0; n < OTHERS; n++) {
      ids.push(...(await ctx.put(view, sleeps(1, 1, { key: `${key}-${n}` }))));
      await sleep(OTHER_EVERY_MS);
    }
    return ids;
  };
  const waitsOf = async (ids, stalls) =>
    undisturbed(
      (await ctx.records(view, ids)).map(({ enqueuedAt, history }) => ({
        from: enqueuedAt,
        to: history[0].startedAt,
      })),
      stalls,
    ).map(({ from, to }) => to - from);

  const machine = await ctx.watchMachine(redis);
  await others("warm");
  const before = await others("before");
  const running = await ctx.put(view, [
    { type: "limited", payload: { ms: 300, holdMs: HOLD_MS, name: "one" }, key: "a" },
    ...sleeps(RUNNING - 1, 1_000, { key: "a" }),
  ]);
  await until(
    "all tasks of the key run",
    async () => (await view.observer.limits.key(ctx.queueName, "a")).running === RUNNING,
  );
  await until("one task has thrown RateLimited", () => worker.heard("limited").length === 1);
  const { heldUntil } = await until("the key is held", async () => {
    const key = await view.observer.limits.key(ctx.queueName, "a");
    return key.heldUntil !== null && key;
  });
  const behind = await ctx.put(view, sleeps(20, 1, { key: "a" }));
  const during = await others("during");
  await ctx.untilCompleted(view, OTHERS * 3 + RUNNING + behind.length);

  const [limited, ...rest] = await ctx.records(view, running);
  const held = await ctx.records(view, behind);
  // The settle set the hold from its own time on. So it ran at `heldUntil` minus the length of the hold.
  const starts = [limited.history.at(-1), ...held.map(({ history }) => history[0])].map(
    ({ startedAt }) => startedAt,
  );
  const first = Math.min(...starts) - (heldUntil - HOLD_MS);
  ctx.expect(first >= HOLD_MS && first <= HOLD_MS + 20, `the first start of the key came after ${first} ms`);
  ctx.expect(
    limited.history.at(-1).startedAt === Math.min(...starts),
    "the task that threw RateLimited was not the first to start again",
  );
  ctx.expect(
    limited.attempts === 1 && limited.failures === 0,
    `${limited.attempts} attempts, ${limited.failures} failures are counted`,
  );
  const settled = rest.filter(({ state, attempts }) => state === "completed" && attempts === 1).length;
  ctx.expect(settled === RUNNING - 1, `${settled} of the ${RUNNING - 1} others completed in one attempt`);
  const stalls = await machine.stalls();
  const waits = [await waitsOf(before, stalls), await waitsOf(during, stalls)];
  ctx.expect(
    waits.every(({ length }) => length >= OTHERS / 2),
    `the machine was too busy: ${waits.map(({ length }) => length).join(" and ")} waits without a stall`,
  );
  const [calm, disturbed] = waits.map((some) => percentile(some, 0.99));
  ctx.expect(
    disturbed <= calm * 1.05 + 5,
    `the p99 wait of other keys is ${disturbed} ms, and was ${calm} ms before`,
  );
  await ctx.expectAudit(view);
  return `the first start after ${first} ms; the p99 wait of other keys is ${disturbed} ms, ${calm} ms before; ${settled} others completed; ${limited.attempts} attempt counted`;
}
