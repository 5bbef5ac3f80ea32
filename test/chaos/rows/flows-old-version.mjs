import { chain, fanIn, fanOut } from "holdfast";
import { BEFORE_FLOWS, oldVersion, whyNoOldVersion } from "../harness/old-version.mjs";
import { until } from "../harness/until.mjs";

const BEFORE = 50;
const HELD = 10;
const FLOWS = 20;
const WIDTH = 10;
const PLAIN = 100;

const sleeps = (count, ms) => Array.from({ length: count }, () => ({ type: "sleep", payload: { ms } }));
const node = (name) => ({ name, type: "sleep", payload: { ms: 10 } });

/** Returns a flow: a chain of three nodes, then a fan-out, then a fan-in. */
function flowOf(number) {
  const [first, second, third] = chain(["a", "b", "c"].map(node));
  const parts = Array.from({ length: WIDTH }, (_, n) => node(`part${n}`));
  const on = { done: { type: "sleep", payload: { ms: 1 } } };
  return { id: `f${number}`, on, nodes: [first, second, ...fanIn(fanOut(third, parts), node("last"))] };
}

export const row = {
  order: 33,
  name: "flows-old-version",
  fault:
    "flows are stored while workers of a version without flows run tasks; then a worker of each version is killed",
  expected:
    "old workers are refused from then on, and take neither a node nor a task; every flow ends; no task is lost",
  skip: () => whyNoOldVersion(BEFORE_FLOWS),
  async run(ctx) {
    const library = `${oldVersion(BEFORE_FLOWS)}/packages/holdfast/dist/index.js`;
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const startOld = () => ctx.worker(url, { concurrency: 10, library }).ready();
    const old = [await startOld(), await startOld()];
    const runsOf = (workers) => workers.reduce((sum, worker) => sum + worker.heard("run").length, 0);
    const before = await ctx.enqueue(view, sleeps(BEFORE, 5));
    await ctx.drain(view);
    // The old workers still run these tasks while the first flow is stored.
    const held = await ctx.enqueue(view, sleeps(HELD, 500));
    await until("the old workers run tasks", () => runsOf(old) === before.length + HELD);
    const flows = Array.from({ length: FLOWS }, (_, number) => flowOf(number));
    for (const flow of flows) {
      await view.queue.flow(flow);
      const ids = [...flow.nodes.map(({ name }) => `${flow.id}.${name}`), `${flow.id}:done`];
      for (const id of ids)
        for (const phase of ["invoke", "ok"]) ctx.own.push({ op: "enqueue", phase, id, mono: 0 });
    }
    const storedAt = runsOf(old);
    await ctx.enqueue(view, sleeps(PLAIN, 10));
    const fresh = [await ctx.worker(url).ready(), await ctx.worker(url).ready()];
    // An old worker can no longer settle its tasks, and keeps their leases until it ends.
    const isHolder = (worker) => worker.heard("run").some(({ id }) => held.includes(id));
    const idle = old.filter((worker) => !isHolder(worker));
    ctx.expect(idle.length > 0, "no old worker still asks for tasks, so the row proves nothing");
    for (const worker of old.filter(isHolder)) await worker.kill();
    await until("the new workers run tasks", () => runsOf(fresh) > 20);
    await fresh[0].kill();
    await until("no flow runs", async () => (await view.observer.stats(ctx.queueName)).flows === 0, 60_000);
    await ctx.drain(view);
    for (const worker of idle) await worker.finish();
    const counts = await ctx.settle(view);
    const taken = runsOf(old) - storedAt;
    const refused = ctx.heard("error", { code: "layout_too_new" }).length;
    ctx.expect(taken === 0, `${taken} tasks were granted to old workers after the first flow`);
    ctx.expect(refused > 0, "no old worker was refused");
    for (const { id } of flows) {
      const { outcome } = await view.observer.getFlow(ctx.queueName, id);
      ctx.expect(outcome === "success", `${id} ended as ${outcome}`);
    }
    ctx.expect(
      held.every((id) => counts.tasks.get(id).state === "completed"),
      "a task that ran when the first flow was stored did not complete",
    );
    return `${storedAt} tasks granted to old workers before the first flow, ${taken} after (${refused} calls refused); ${FLOWS} flows of ${flows[0].nodes.length} nodes ended; ${counts.acknowledged} acknowledged, ${counts.lost} lost`;
  },
};
