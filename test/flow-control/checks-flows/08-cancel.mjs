import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../chaos/harness/until.mjs";
import { redisNow } from "../harness/context.mjs";
import { addNodes, momentsOf, untilEnded } from "../harness/large-flow.mjs";

const CHILDREN = Number(process.env.CHILDREN || 100_000);
const RUNNING = 1_000;
const WORKERS = 4;
const LEASE_MS = 10_000;
const ASK_MS = 10;

export const number = 8;
export const name = "cancel";
export const check = `a cancel of a flow of ${CHILDREN.toLocaleString("en")} nodes, of which ${RUNNING.toLocaleString("en")} run`;
export const expected = `the call is answered within ${ASK_MS} ms; nothing starts after the answer; every node has ended within a lease (${LEASE_MS / 1_000} s)`;
export const timeoutMs = 300_000;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { queue, observer } = view;
  await ctx.keepAll(view);
  await ctx.janitor(redis.url).ready();
  const on = { cancelled: { type: "sleep", payload: { ms: 0 } }, success: { type: "sleep" } };
  const flow = await queue.openFlow({ id: "tree", on });
  const after = (n) => (n < CHILDREN / 2 ? {} : { after: [`n${n - CHILDREN / 2}`] });
  await addNodes(flow, CHILDREN, (n) => ({ name: `n${n}`, type: "cancellable", ...after(n) }));
  await flow.seal();
  const workers = await ctx.startSlots(redis.url, WORKERS, {
    ...{ concurrency: RUNNING / WORKERS, leaseMs: LEASE_MS },
  });
  const running = async () => (await observer.stats(ctx.queueName)).processing;
  await until("enough nodes run", async () => (await running()) >= RUNNING);
  await sleep(500);
  const from = performance.now();
  ctx.expect((await queue.cancelFlow("tree")) === "cancelled", "the cancel was refused");
  const tookMs = performance.now() - from;
  const answeredAt = await redisNow(redis);
  ctx.expect(tookMs <= ASK_MS, `the call took ${tookMs.toFixed(1)} ms`);
  const ended = await untilEnded(view, "tree", 3 * LEASE_MS);
  const endedMs = Math.round(ended.endedAt - answeredAt);
  ctx.expect(endedMs <= LEASE_MS, `the flow ended ${endedMs} ms after the answer`);
  ctx.expect(
    ended.outcome === "cancelled" && ended.counts.completed === 0 && ended.counts.dead === 0,
    `the flow is ${JSON.stringify(ended)}`,
  );
  await ctx.drain(view);
  ctx.expect(momentsOf(ended).join() === "cancelled", `the callbacks ${momentsOf(ended)} were enqueued`);
  const tasks = [...(await ctx.tasks(view)).values()].filter(({ id }) => id.startsWith("tree."));
  const started = tasks.flatMap(({ history }) => history.map(({ startedAt }) => startedAt));
  const late = started.filter((at) => at > answeredAt);
  ctx.expect(late.length === 0, `${late.length} nodes started after the answer`);
  ctx.expect(started.length >= RUNNING, `only ${started.length} nodes ran`);
  ctx.expect(
    workers.every((worker) => worker.running),
    "a worker process has ended",
  );
  await ctx.expectAudit(view);
  return `answered after ${tookMs.toFixed(1)} ms; ${started.length} nodes had started, the last of them ${Math.round(answeredAt - Math.max(...started))} ms before the answer; all ${ended.counts.total} nodes had ended ${endedMs} ms after it`;
}
