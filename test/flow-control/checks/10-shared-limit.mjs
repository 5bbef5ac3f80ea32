import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "holdfast";
import { mostWithin } from "../../chaos/harness/limits-checker.mjs";
import { cli } from "../../chaos/harness/redis.mjs";
import { masters, startCluster } from "../../chaos/harness/topologies.mjs";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf } from "../harness/starts.mjs";

const LIMIT = 1_000;
const BURST = 30;
const SECONDS = 10;

export const number = 10;
export const name = "shared-limit";
export const check = "a limit of 1,000 per second that three queues on three nodes of a Cluster share";
export const expected =
  "10 s with burst 30: never more than limit + burst in a second, at least 95% of the limit is used, no call crosses Cluster slots";

/** Returns a queue name whose Redis keys belong to this node of the Cluster. */
async function nameOn(port, { ranges }) {
  for (let n = 0; ; n++) {
    const slot = Number(await cli(port, "cluster", "keyslot", `{shared-${n}}`));
    if (ranges.some(([first, last = first]) => first <= slot && slot <= last)) return `shared-${n}`;
  }
}

export async function run(ctx) {
  const nodes = await startCluster(ctx, { replicas: 0 });
  const settings = { clusterNodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })) };
  const all = await masters(nodes[0].port);
  const names = [];
  for (const node of all) names.push(await nameOn(nodes[0].port, node));
  const view = ctx.client(settings);
  const { client, observer } = view;
  for (const name of names) {
    await new Queue(name, { client }).ready();
    await observer.configure(name, { retentionCount: 1_000_000 });
  }
  await observer.limits.share("api", { rate: { limit: LIMIT, periodMs: 1_000, burst: BURST } }, names);
  await ctx.janitor(settings).ready();
  for (const name of names)
    await ctx.startSlots(settings, 1, { queue: name, concurrency: 20, leaseMs: 30_000 });
  const parts = await Promise.all(
    names.map(async (name) => {
      const part = { queue: new Queue(name, { client }), engine: client.engine(name) };
      return { ...part, ids: await ctx.put(part, sleeps(LIMIT * SECONDS, 1)) };
    }),
  );
  // The janitor reads every second how much each queue needs, and sets its share of the limit.
  await sleep(SECONDS * 1_000 + 3_000);
  const starts = [];
  for (const part of parts)
    starts.push(...attemptsOf(await ctx.records(part, part.ids)).map(({ startedAt }) => startedAt));
  const from = Math.min(...starts) + 2_000;
  const inSpan = starts.filter((at) => at >= from && at < from + SECONDS * 1_000).length;
  const most = mostWithin(starts, 1_000);
  ctx.expect(most <= LIMIT + BURST, `${most} starts in one second`);
  ctx.expect(inSpan >= 0.95 * LIMIT * SECONDS, `${inSpan} starts in ${SECONDS} s`);
  for (const { port } of nodes) {
    const errors = await cli(port, "info", "errorstats");
    ctx.expect(!errors.includes("CROSSSLOT"), `node ${port} refused a call with keys of two Cluster slots`);
  }
  return `${inSpan} starts in ${SECONDS} s, at most ${most} in one second`;
}
