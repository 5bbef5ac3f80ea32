import { setTimeout as sleep } from "node:timers/promises";
import { checkFlows } from "../harness/flows.mjs";
import { cli } from "../harness/redis.mjs";
import { failOver, masterOf, startCluster } from "../harness/topologies.mjs";
import { until } from "../harness/until.mjs";

const FLOWS = 20;
const NODES = 60;
const FAILING = 0.2;
/** How many flows have a node that dies, and is replayed after the failovers. */
const DYING = 10;
const MOMENTS = ["dead", "done", "success"];

/** Returns the name of a queue on each of the three masters. The first one is the queue of this test. */
async function queuesOn(ctx, port) {
  const queues = new Map();
  for (let n = 1; queues.size < 3; n++) {
    const queue = n === 1 ? ctx.queueName : `${ctx.queueName}-${n}`;
    const slot = Number(await cli(port, "cluster", "keyslot", `{${queue}}`));
    const { id } = await masterOf(port, slot);
    if (!queues.has(id)) queues.set(id, { queue, slot });
  }
  return [...queues.values()];
}

const enqueuedOf = (flow) => (flow?.callbacks ?? []).filter(({ enqueued }) => enqueued);
const momentsOf = (flow) =>
  enqueuedOf(flow)
    .map(({ moment }) => moment)
    .sort()
    .join(" ");

/**
 * Starts flows whose middle node runs in another queue, and dies in its first life (before it is replayed). @returns
 * their ids
 */
async function startDying(view, [home, middle, last]) {
  const callback = { type: "sleep", payload: { ms: 1 } };
  const on = Object.fromEntries([...MOMENTS, "cancelled"].map((moment) => [moment, callback]));
  const ids = Array.from({ length: DYING }, (_, n) => `dying${n}`);
  for (const id of ids)
    await view.queue.flow({
      id,
      nodes: [
        { name: "first", type: "sleep", payload: { ms: 1 }, queue: home },
        {
          ...{ name: "dies", type: "flaky", payload: { failures: 1 }, queue: middle, after: ["first"] },
          options: { maxRetries: 0 },
        },
        { name: "last", type: "sleep", payload: { ms: 1 }, queue: last, after: ["dies"] },
      ],
      on,
    });
  return ids;
}

/** Replays the dead nodes. Expects that each flow then succeeds, and that each callback is acked once. */
async function replayDead(ctx, view, ids, { home, middle }) {
  const flowOf = (id) => view.observer.getFlow(home, id);
  for (const id of ids) {
    const flow = await flowOf(id);
    ctx.expect(
      flow?.outcome === "failed" && momentsOf(flow) === "dead done",
      `before the replay, ${id} is ${JSON.stringify(flow)}`,
    );
  }
  for (const id of ids) {
    const [replayed] = await view.observer.replay(middle, [`${id}.dies`], { payloadText: '{"failures":0}' });
    ctx.expect(replayed?.outcome === "replayed", `${id}.dies: ${JSON.stringify(replayed)}`);
  }
  for (const id of ids) {
    await until(
      `${id} succeeds`,
      async () => {
        const flow = await flowOf(id);
        return flow?.state === "ended" && flow.outcome === "success";
      },
      30_000,
    );
  }
  await ctx.drain(view);
  let callbacks = 0;
  for (const id of ids) {
    const flow = await flowOf(id);
    ctx.expect(momentsOf(flow) === MOMENTS.join(" "), `${id} had the callbacks ${momentsOf(flow)}`);
    for (const { taskId } of enqueuedOf(flow)) {
      const task = await view.observer.task(home, taskId);
      const acked = task?.history.filter(({ outcome }) => outcome === "acked").length;
      ctx.expect(acked === 1 && task.generation === 0, `${taskId} was acked ${acked} times`);
      callbacks++;
    }
  }
  return callbacks;
}

export const row = {
  order: 34,
  name: "flows-cluster-failover",
  fault: `a replica takes over from each master of a Cluster, one after the other, while ${FLOWS} flows of ${NODES} nodes run over three queues on its three nodes; then dead nodes are replayed`,
  expected:
    "every flow ends with its callbacks, each acked once; a replay of the dead node fires success once; no CROSSSLOT; no message is left in #out",
  timeoutMs: 150_000,
  async run(ctx) {
    const nodes = await startCluster(ctx);
    const [{ port }] = nodes;
    const settings = {
      clusterNodes: nodes.map((node) => ({ host: "127.0.0.1", port: node.port })),
      commandTimeoutMs: 2_000,
    };
    const view = ctx.client(settings);
    const places = await queuesOn(ctx, port);
    const queues = places.map(({ queue }) => queue);
    const [home, middle] = queues;
    for (const queue of queues) await view.observer.configure(queue, { retentionCount: 1_000_000 });
    await ctx.janitor(settings).ready();
    for (const queue of queues) await ctx.worker(settings, { queue }).ready();
    const load = { from: 0, to: FLOWS, nodes: NODES, failing: FAILING, pauseMs: 100 };
    const creator = ctx.actor("flow-creator", { redis: settings, queues, ...load });
    const dying = await startDying(view, queues);
    const tookMs = [];
    for (const { slot } of places) {
      await sleep(1_500);
      tookMs.push(await failOver(port, slot));
    }
    ctx.expect(creator.running, "the creator had ended before the last failover");
    await until("every flow is sealed", () => !creator.running, 60_000);
    ctx.expect((await creator.ended).code === 0, `the creator has failed: ${creator.complaint()}`);
    await until("no flow runs", async () => (await view.observer.stats(home)).flows === 0, 60_000, 200);
    await ctx.drain(view);
    const seen = await checkFlows(ctx, view, { home, flows: FLOWS, nodes: NODES });
    const callbacks = await replayDead(ctx, view, dying, { home, middle });
    for (const queue of queues) {
      const { keys } = view.client.engine(queue);
      const out = await view.client.connection.command("HGET", keys.state, "#out");
      ctx.expect(!out, `messages for ${out} are left in ${queue}`);
      const { violations } = await view.observer.audit(queue);
      for (const { invariant, detail } of violations.slice(0, 3))
        ctx.expect(false, `the audit of ${queue}: ${invariant} ${detail}`);
    }
    const crossed = ctx.heard("error").filter(({ message }) => /CROSSSLOT/.test(message));
    ctx.expect(crossed.length === 0, `${crossed[0]?.message}`);
    return `failovers of ${tookMs.join(", ")} ms; ${seen.flows} flows over ${queues.length} nodes, ${seen.nodes} nodes in ${seen.attempts} attempts (${seen.failures} failed), ${seen.callbacks} callbacks; ${DYING} flows failed and succeeded after a replay, ${callbacks} callbacks; ${ctx.heard("error").length} errors, 0 CROSSSLOT, #out empty`;
  },
};
