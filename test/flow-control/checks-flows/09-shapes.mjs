import { until } from "../../chaos/harness/until.mjs";
import { addNodes, untilEnded } from "../harness/large-flow.mjs";
import { attemptsOf } from "../harness/starts.mjs";

const LAYERS = 20;
const WIDTH = 500;
const CHAIN = Number(process.env.CHAIN || 10_000);
/**
 * The longest time that a flow may take, as a multiple of the time that the same tasks take without a flow. A node is
 * found by its id and accepted once, so the layers are compared with tasks that have such ids. The check also prints
 * how long tasks take that get their ids from the queue, for which Redis does less.
 */
const BOUNDS = { layers: 2, chain: 2 };
/** How often each is measured. The first rounds of the layers are slow, because the processes have just begun. */
const ROUNDS = { layers: 9, chain: 3 };
const WORKERS = 2;

export const number = 9;
export const name = "shapes";
export const check = `flows: a diamond with a shared child, ${LAYERS} layers of ${WIDTH} nodes, a chain of ${CHAIN.toLocaleString("en")}`;
export const expected = `each node starts only when the nodes before it have ended; compared with the same tasks without a flow (the least of ${ROUNDS.layers} and ${ROUNDS.chain} rounds), the layers take at most ${BOUNDS.layers} times as long as tasks that are enqueued together with the same ids, and the chain ${BOUNDS.chain} times as long as tasks whose handlers enqueue the next one`;
export const timeoutMs = 600_000;

/** Returns a node that waits for two nodes of the layer before. So two nodes wait for each node. */
const layered = (n) => {
  const layer = Math.floor(n / WIDTH);
  const place = n % WIDTH;
  const before = (at) => `l${layer - 1}-${at % WIDTH}`;
  return { name: `l${layer}-${place}`, after: layer === 0 ? [] : [before(place), before(place + 1)] };
};
const chained = (n) => ({ name: `c${n}`, after: n === 0 ? [] : [`c${n - 1}`] });
const SHAPES = {
  diamond: {
    count: 6,
    nodeAt: (n) =>
      [
        { name: "top" },
        { name: "left", after: ["top"] },
        { name: "right", after: ["top"] },
        { name: "bottom", after: ["left", "right"] },
        { name: "shared", after: ["left", "top"] },
        { name: "last", after: ["shared", "bottom", "right"] },
      ][n],
  },
  layers: { count: LAYERS * WIDTH, nodeAt: layered },
  chain: { count: CHAIN, nodeAt: chained },
};

/** Runs a flow, and checks the order of its nodes. @returns how long it took, ms */
async function runFlow(ctx, view, id, { count, nodeAt }) {
  const from = performance.now();
  const flow = await view.queue.openFlow({ id });
  await addNodes(flow, count, (n) => ({ ...nodeAt(n), type: "nothing" }));
  await flow.seal();
  await untilEnded(view, id, 120_000);
  const tookMs = performance.now() - from;
  const nodes = Array.from({ length: count }, (_, n) => nodeAt(n));
  const tasks = await ctx.records(
    view,
    nodes.map((node) => `${id}.${node.name}`),
  );
  const byName = new Map(nodes.map((node, n) => [node.name, tasks[n]]));
  let early = 0;
  for (const { name, after = [] } of nodes)
    for (const before of after)
      if (attemptsOf([byName.get(name)])[0].startedAt < byName.get(before).endedAt) early++;
  ctx.expect(early === 0, `${id}: ${early} nodes started although a node before them had not ended`);
  const open = tasks.filter(({ state, attempts }) => state !== "completed" || attempts !== 1);
  ctx.expect(open.length === 0, `${id}: ${open.length} nodes did not complete in one attempt`);
  return tookMs;
}

/**
 * Runs `count` tasks without a flow. @param tasks the tasks that are enqueued. @returns how long it took, ms
 */
async function runTasks(ctx, view, count, tasks) {
  const { totals } = await view.observer.stats(ctx.queueName);
  const from = performance.now();
  await ctx.put(view, tasks);
  await until(
    "all tasks have completed",
    async () => (await view.observer.stats(ctx.queueName)).totals.acked >= totals.acked + count,
    120_000,
  );
  return performance.now() - from;
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view, { retentionCount: 10_000_000 });
  await ctx.startSlots(redis.url, WORKERS, { concurrency: 50, leaseMs: 30_000 });
  await runFlow(ctx, view, "diamond", SHAPES.diamond);
  const shown = ["the nodes of the diamond ran in their order"];
  const nothing = { type: "nothing", payload: null };
  const { layers, chain } = SHAPES;
  const took = { layers: [], chain: [], named: [], anonymous: [], nexts: [] };
  for (let round = 0; round < ROUNDS.layers; round++) {
    const named = Array.from({ length: layers.count }, (_, n) => ({
      ...nothing,
      options: { id: `named${round}_${layered(n).name}` },
    }));
    const anonymous = Array.from({ length: layers.count }, () => nothing);
    took.named.push(await runTasks(ctx, view, layers.count, named));
    took.anonymous.push(await runTasks(ctx, view, layers.count, anonymous));
    took.layers.push(await runFlow(ctx, view, `layers${round}`, layers));
  }
  for (let round = 0; round < ROUNDS.chain; round++) {
    took.nexts.push(await runTasks(ctx, view, CHAIN, [{ type: "next", payload: CHAIN - 1 }]));
    took.chain.push(await runFlow(ctx, view, `chain${round}`, chain));
  }
  const least = Object.fromEntries(Object.entries(took).map(([what, times]) => [what, Math.min(...times)]));
  const ratios = {
    layers: least.layers / least.named,
    chain: least.chain / least.nexts,
  };
  for (const [what, ratio] of Object.entries(ratios)) {
    const text = `${what}: the flow takes ${ratio.toFixed(2)} times as long as the tasks alone`;
    ctx.expect(ratio <= BOUNDS[what], text);
    shown.push(text);
  }
  shown.push(
    `the layers take ${(least.layers / least.anonymous).toFixed(2)} times as long as tasks without given ids`,
  );
  for (const [what, times] of Object.entries(took))
    shown.push(`${what}, ms: ${times.map((ms) => Math.round(ms)).join(", ")}`);
  await ctx.expectAudit(view);
  return shown.join("; ");
}
