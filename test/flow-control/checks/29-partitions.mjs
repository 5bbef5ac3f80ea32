import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "holdfast";
import { AOF } from "../../chaos/harness/redis.mjs";
import { startCluster } from "../../chaos/harness/topologies.mjs";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf, fullestKey, groupBy } from "../harness/starts.mjs";

const KEYS = 12;
const BATCHES = 30;
const AWAY_MS = 2_000;

export const number = 29;
export const name = "partitions";
export const check =
  "a queue of 3 partitions on 3 nodes of a Cluster: one node is killed and comes back, then the queue grows to 5";
export const expected =
  "each key runs one task at a time, in the order of the enqueues, before, during and after the changes; nothing is lost";
export const waits = true;

export async function run(ctx) {
  const nodes = await startCluster(ctx, { replicas: 0, nodeTimeoutMs: 15_000, aof: AOF.always });
  const settings = {
    clusterNodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
    commandTimeoutMs: 2_000,
  };
  const view = ctx.client(settings);
  const { client, observer } = view;
  const queue = new Queue(ctx.queueName, { client, partitions: 3 });
  await queue.ready();
  await observer.configure(ctx.queueName, { retentionCount: 1_000_000 });
  await observer.limits.set(ctx.queueName, { key: { concurrency: 1 } });
  await ctx.janitor(settings).ready();
  await ctx.startSlots(settings, 3, { concurrency: 20, leaseMs: 2_000, watchMs: 200 });

  const ids = [];
  const unknown = [];
  /**
   * Enqueues one task of each key. If the outcome of an enqueue is unknown, it is not repeated, because its task
   * could then come after later tasks.
   */
  const put = async (n) => {
    const batch = sleeps(KEYS, 20).map((task, k) => ({ ...task, key: `k${k}`, payload: { ms: 20, n } }));
    for (const result of await queue.enqueueMany(batch)) {
      if (result.ok) ids.push(result.receipt.id);
      else unknown.push(result.error.code);
    }
  };
  const failure = async () => {
    await nodes[1].kill();
    await sleep(AWAY_MS);
    await nodes[1].start();
  };
  let away;
  for (let n = 0; n < BATCHES; n++) {
    if (n === 10) away = failure();
    if (n === 20) await away;
    if (n === 20) await observer.partition(ctx.queueName, 5);
    await put(n);
    await sleep(50);
  }
  await ctx.drain(view, 60_000);
  const all = await ctx.tasks(view);
  const lost = ids.filter((id) => all.get(id)?.state !== "completed");
  ctx.expect(lost.length === 0, `${lost.length} of ${ids.length} tasks are not completed`);
  const attempts = attemptsOf([...all.values()]);
  const { key, most } = fullestKey(attempts);
  ctx.expect(most === 1, `${most} tasks of ${key} ran at one time`);
  let swapped = 0;
  for (const own of groupBy(attempts, (attempt) => attempt.key).values()) {
    const order = own
      .sort((a, b) => a.startedAt - b.startedAt)
      .map(({ task }) => JSON.parse(task.payloadText).n);
    swapped += order.filter((n, i) => i > 0 && n < order[i - 1]).length;
  }
  ctx.expect(swapped === 0, `${swapped} tasks started before a task that was enqueued earlier`);
  const partitions = await observer.partitions(ctx.queueName);
  ctx.expect(partitions === 5, `${partitions} partitions`);
  await ctx.expectAudit(view);
  const crashed = attempts.filter(({ outcome }) => outcome !== "acked").length;
  return `${ids.length} tasks of ${KEYS} keys completed in order, ${unknown.length} enqueues without an answer, ${crashed} attempts that crashed; ${partitions} partitions at the end`;
}
