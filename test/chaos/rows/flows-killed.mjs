import { setTimeout as sleep } from "node:timers/promises";
import { checkFlows } from "../harness/flows.mjs";
import { AOF } from "../harness/redis.mjs";
import { until } from "../harness/until.mjs";

// `FLOW_MINUTES=10 make chaos ROW=flows-killed` is the long run: 1,000 flows of 100 nodes.
const minutes = Number(process.env.FLOW_MINUTES ?? 0.5);
const FLOWS = process.env.FLOW_MINUTES ? 1_000 : 50;
const NODES = 100;
const FAILING = 0.2;
const WORKERS = 3;
const runMs = minutes * 60_000;
const KILL_EVERY_MS = 2_500;
const DRAIN_MS = 60_000 + 2 * runMs;
/** The queues in which the nodes of each flow run in turn. The flow itself is in the first queue. */
const QUEUES = ["chaos", "chaos-2", "chaos-3"];
const [HOME] = QUEUES;

/** Starts the process that creates the flows, and starts it again whenever it is killed. */
function startCreator(ctx, settings) {
  const state = { sealed: 0, starts: 0, actor: null };
  const start = () => {
    state.starts++;
    const pauseMs = Math.max(1, Math.floor((0.7 * runMs) / ((FLOWS * NODES) / 20)));
    const load = { from: state.sealed, to: FLOWS, nodes: NODES, failing: FAILING, pauseMs };
    state.actor = ctx.actor("flow-creator", { redis: settings, queues: QUEUES, ...load });
  };
  start();
  return {
    state,
    async kill() {
      const { actor } = state;
      await actor.kill();
      state.sealed += actor.heard("sealed").length;
      if (state.sealed < FLOWS) start();
    },
    async end() {
      await until("every flow is sealed", () => !state.actor.running, DRAIN_MS);
      const { code } = await state.actor.ended;
      ctx.expect(
        code === 0 || state.sealed === FLOWS,
        `the process that creates flows has failed: ${state.actor.complaint()}`,
      );
    },
  };
}

export const row = {
  order: 32,
  name: "flows-killed",
  fault: `kill -9 of a worker, of the process that creates ${FLOWS} flows of ${NODES} nodes over ${QUEUES.length} queues, or of Redis (AOF always), every ${KILL_EVERY_MS / 1_000} s for ${runMs / 1_000} s`,
  expected:
    "every flow ends with all of its nodes; no node starts early; the callbacks success and done are each acked once; no task is lost; the audit finds nothing",
  waits: true,
  timeoutMs: runMs + 2 * DRAIN_MS,
  async run(ctx) {
    const redis = await ctx.startRedis({ args: AOF.always });
    const settings = ctx.settings(redis.url);
    const view = ctx.client(settings);
    for (const queue of QUEUES) {
      await view.observer.configure(queue, { retentionCount: 10_000_000 });
    }
    await ctx.janitor(settings).ready();
    const startWorkers = () => Promise.all(QUEUES.map((queue) => ctx.worker(settings, { queue }).ready()));
    const workers = [];
    for (let n = 0; n < WORKERS; n++) workers.push(await startWorkers());
    const creator = startCreator(ctx, settings);
    const kills = { workers: 0, creators: 0, redis: 0 };
    const endAt = performance.now() + runMs;
    for (let n = 0; performance.now() < endAt; n++) {
      await sleep(KILL_EVERY_MS);
      if (n % 4 === 3) {
        await redis.kill();
        await sleep(300);
        await redis.start();
        kills.redis++;
      } else if (n % 2 === 0) {
        for (const worker of workers.shift()) await worker.kill();
        workers.push(await startWorkers());
        kills.workers++;
      } else {
        await creator.kill();
        kills.creators++;
      }
    }
    await creator.end();
    await until("no flow runs", async () => (await view.observer.stats(HOME)).flows === 0, DRAIN_MS, 200);
    await ctx.drain(view, DRAIN_MS);
    const seen = await checkFlows(ctx, view, { home: HOME, flows: FLOWS, nodes: NODES });
    const sum = { enqueued: 0, acked: 0, crashed: 0 };
    for (const queue of QUEUES) {
      const { totals, pending, processing, scheduled, waiting, dead } = await view.observer.stats(queue);
      ctx.expect(pending + processing + scheduled + waiting + dead === 0, `the queue ${queue} is not empty`);
      for (const name of Object.keys(sum)) sum[name] += totals[name];
      const { violations } = await view.observer.audit(queue);
      for (const { invariant, detail } of violations.slice(0, 3))
        ctx.expect(false, `the audit of ${queue}: ${invariant} ${detail}`);
    }
    const tasks = FLOWS * (NODES + 2);
    ctx.expect(sum.acked === tasks, `${sum.acked} of ${tasks} tasks were acked`);
    ctx.expect(sum.crashed > 0, "no killed worker held a lease, so the row proves nothing");
    ctx.expect(
      kills.creators > 0 && kills.redis > 0,
      `the creator or Redis was never killed: ${JSON.stringify(kills)}`,
    );
    return `${kills.workers} kills of workers, ${kills.creators} of the creator, ${kills.redis} of Redis; ${seen.flows} flows over ${QUEUES.length} queues, ${seen.nodes} nodes in ${seen.attempts} attempts (${seen.failures} failed, ${sum.crashed} crashed), ${seen.callbacks} callbacks; 0 lost`;
  },
};
