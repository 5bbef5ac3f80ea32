import { setTimeout as sleep } from "node:timers/promises";
import { addNodes, momentsOf, untilEnded } from "../harness/large-flow.mjs";

const CHILDREN = Number(process.env.CHILDREN || 100_000);
const WORKERS = 8;
/** Handlers run for this long, ms, so that a killed worker certainly holds tasks. */
const RUN_MS = 40;
const CONCURRENCY = 50;
const KILL_EVERY_MS = 2_000;
const LONGEST_MS = 30_000 + CHILDREN;

export const number = 1;
export const name = "killed-workers";
export const check = `a flow of ${CHILDREN.toLocaleString("en")} children, ${WORKERS} workers, kill -9 of one of them every ${KILL_EVERY_MS / 1_000} s`;
export const expected =
  "the callbacks success and done are enqueued exactly once each, and read the result of each child";
export const timeoutMs = 3 * LONGEST_MS;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view, { retentionCount: 10_000_000 });
  await ctx.janitor(redis.url).ready();
  const settings = { concurrency: CONCURRENCY };
  const workers = await ctx.startSlots(redis.url, WORKERS, settings);
  const on = { success: { type: "sum" }, done: { type: "sum" }, dead: { type: "sum" } };
  const flow = await view.queue.openFlow({ id: "big", on });
  let kills = 0;
  let isEnded = false;
  const killing = (async () => {
    for (;;) {
      await sleep(KILL_EVERY_MS);
      if (isEnded) return;
      await workers.shift().kill();
      kills++;
      workers.push(ctx.slots(redis.url, settings));
    }
  })();
  const options = { maxRetries: 50 };
  await addNodes(flow, CHILDREN, (n) => ({
    ...{ name: `n${n}`, type: "value", payload: { ms: RUN_MS, value: n }, options },
  }));
  await flow.seal();
  const ended = await untilEnded(view, "big", LONGEST_MS);
  isEnded = true;
  await killing;
  await ctx.drain(view, LONGEST_MS);
  const moments = momentsOf(ended).join(" ");
  ctx.expect(moments === "success done", `the callbacks ${moments} were enqueued`);
  ctx.expect(
    ended.counts.completed === CHILDREN,
    `${ended.counts.completed} of ${CHILDREN} children completed`,
  );
  const { totals } = await view.observer.stats(ctx.queueName);
  ctx.expect(totals.enqueued === CHILDREN + 2, `${totals.enqueued} tasks were enqueued`);
  ctx.expect(kills >= 3 && totals.crashed > 0, `${kills} kills, ${totals.crashed} crashed attempts`);
  const wanted = JSON.stringify({ children: CHILDREN, sum: (CHILDREN * (CHILDREN - 1)) / 2 });
  for (const task of await ctx.records(view, ["big:success", "big:done"])) {
    ctx.expect(task.resultText === wanted, `${task.id} read ${task.resultText}, not ${wanted}`);
    const acked = task.history.filter(({ outcome }) => outcome === "acked").length;
    ctx.expect(acked === 1, `${task.id} was acked ${acked} times`);
  }
  await ctx.expectAudit(view);
  return `${kills} kills, ${totals.crashed} crashed attempts; ${moments}, ${totals.enqueued - CHILDREN} callbacks enqueued; each read ${CHILDREN} results`;
}
