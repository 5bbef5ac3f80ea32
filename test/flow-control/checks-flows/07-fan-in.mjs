import { Queue } from "holdfast";
import { advanceFlows } from "../../../packages/holdfast/dist/engine/flows.js";
import * as scripts from "../../../packages/holdfast/dist/redis/generated/index.js";
import { favour } from "../../chaos/harness/processes.mjs";
import { percentile } from "../../chaos/harness/until.mjs";
import { addNodes } from "../harness/large-flow.mjs";

const CHILDREN = Number(process.env.CHILDREN || 100_000);
const BATCH = 250;
const BOUND = 1.2;
/** A node can wait for at most 10,000 nodes. So there is a layer of nodes between the children and the last node. */
const GROUP = 10_000;
const LOGGED = 100_000;
/** Redis also logs the commands inside a script. Each of them takes less than this, µs, and a settle takes more. */
const SLOW_US = 50;
const PLAIN = "plain";

export const number = 7;
export const name = "fan-in";
export const check = `by turns, a settle of ${BATCH} of ${CHILDREN.toLocaleString("en")} nodes that lead to one node, and of ${BATCH} tasks without a flow`;
export const expected = `the p99 of the time in Redis is at most ${BOUND} times that of tasks without a flow`;
export const timeoutMs = 600_000;

async function addFanIn({ queue }) {
  const flow = await queue.openFlow({ id: "f" });
  await addNodes(flow, CHILDREN, (n) => ({ name: `n${n}`, type: "t" }));
  const groups = [];
  for (let from = 0; from < CHILDREN; from += GROUP) {
    const size = Math.min(GROUP, CHILDREN - from);
    const after = Array.from({ length: size }, (_, n) => `n${from + n}`);
    groups.push({ name: `group${from}`, type: "t", after });
  }
  await flow.add([...groups, { name: "last", type: "t", after: groups.map((node) => node.name) }]);
  await flow.seal();
}

export async function run(ctx) {
  const args = ["--slowlog-log-slower-than", SLOW_US, "--slowlog-max-len", LOGGED];
  const redis = await ctx.startRedis({ args });
  favour(redis.child.pid);
  const nodes = ctx.client(redis.url);
  const plain = ctx.client(redis.url, PLAIN);
  await ctx.keepAll(nodes);
  const queue = new Queue(PLAIN, { client: plain.client });
  await queue.ready();
  await plain.observer.configure(PLAIN, { retentionCount: 1_000_000 });
  await addFanIn(nodes);
  await ctx.put(
    { queue },
    Array.from({ length: CHILDREN }, (_, n) => ({ type: "t", payload: null, id: `f.n${n}` })),
  );

  const held = { nodes: await nodes.hands.acquire(BATCH), plain: await plain.hands.acquire(BATCH) };
  await redis.cli("slowlog", "reset");
  let calls = 0;
  const advance = async () => {
    while ((await advanceFlows(nodes.engine)).more);
  };
  while (held.plain.length > 0) {
    calls++;
    held.plain = await plain.hands.ack(held.plain, BATCH);
    held.nodes = await nodes.hands.ack(held.nodes, BATCH);
    await advance();
  }
  const logged = await nodes.client.connection.command("SLOWLOG", "GET", LOGGED);
  const msOf = (script, { engine }) =>
    logged
      .filter(
        ([, , , words]) =>
          String(words[1]) === script.sha1 && words.some((w) => String(w) === engine.keys.state),
      )
      .map(([, , micros]) => Number(micros) / 1_000);
  const times = { plain: msOf(scripts.settleScript, plain), nodes: msOf(scripts.settleScript, nodes) };
  const advances = msOf(scripts.flowAdvanceScript, nodes);
  // The first call sends the source of the script instead of its hash, so it is not counted here.
  const logs = Math.min(times.plain.length, times.nodes.length);
  ctx.expect(logs >= calls - 1, `only ${logs} of ${calls} calls were logged`);
  do {
    held.nodes = await nodes.hands.ack(held.nodes, BATCH);
    await advance();
    if (held.nodes.length === 0) held.nodes = await nodes.hands.acquire(BATCH);
  } while (held.nodes.length > 0);
  const { state, outcome } = await nodes.queue.getFlow("f");
  ctx.expect(state === "ended" && outcome === "success", `the flow is ${state} ${outcome}`);
  const p99 = { plain: percentile(times.plain, 0.99), nodes: percentile(times.nodes, 0.99) };
  const ratio = p99.nodes / p99.plain;
  ctx.expect(ratio <= BOUND, `the p99 is ${ratio.toFixed(2)} times that of tasks without a flow`);
  await ctx.expectAudit(nodes);
  const shown = (all) => `${percentile(all, 0.5).toFixed(2)} and ${percentile(all, 0.99).toFixed(2)} ms`;
  return `median and p99: nodes ${shown(times.nodes)}, tasks without a flow ${shown(times.plain)} (${ratio.toFixed(2)} times, of ${calls} calls each); each flow_advance after a settle ${shown(advances)}`;
}
