import { setTimeout as sleep } from "node:timers/promises";
import { cli } from "../harness/redis.mjs";
import { masterOf, masters, startCluster } from "../harness/topologies.mjs";

const MOVES = 4;

export const row = {
  order: 18,
  name: "cluster-migration",
  fault: `the slot of the queue migrates between masters of a six-node Cluster under load, ${MOVES} times`,
  expected: "only retryable errors; no task is lost",
  timeoutMs: 90_000,
  async run(ctx) {
    const nodes = await startCluster(ctx);
    const settings = {
      clusterNodes: nodes.map(({ port }) => ({ host: "127.0.0.1", port })),
      commandTimeoutMs: 2_000,
    };
    const view = ctx.client(settings);
    await ctx.janitor(settings).ready();
    await ctx.worker(settings).ready();
    const producer = await ctx.producer(settings, { ratePerSecond: 200, delayedShare: 0.2 }).ready();
    const slot = Number(await cli(nodes[0].port, "cluster", "keyslot", `{${ctx.queueName}}`));
    const moved = [];
    for (let move = 0; move < MOVES; move++) {
      await sleep(1_000);
      const all = await masters(nodes[0].port);
      const from = await masterOf(nodes[0].port, slot);
      const to = all.filter((node) => node.id !== from.id)[move % 2];
      const startedAt = performance.now();
      await cli(to.port, "cluster", "setslot", slot, "importing", from.id);
      await cli(from.port, "cluster", "setslot", slot, "migrating", to.id);
      for (;;) {
        const keys = (await cli(from.port, "cluster", "getkeysinslot", slot, 100))
          .split("\n")
          .filter(Boolean);
        if (keys.length === 0) break;
        // A reshard moves one key after another, so for a while the keys of the queue are on two nodes.
        for (const key of keys) await cli(from.port, "migrate", "127.0.0.1", to.port, key, 0, 5_000);
      }
      for (const node of [to, from, ...all]) await cli(node.port, "cluster", "setslot", slot, "node", to.id);
      moved.push(Math.round(performance.now() - startedAt));
    }
    await sleep(1_000);
    await producer.finish();
    const counts = await ctx.settle(view);
    const refusals = producer.heard("enqueue").filter((line) => line.code !== undefined);
    const retryable = new Set(["redis_unavailable", "outcome_unknown"]);
    const bad = [...refusals, ...ctx.heard("error")].filter(({ code }) => !retryable.has(code));
    const slowest = Math.max(...producer.heard("enqueue").map((line) => line.tookMs ?? 0));
    ctx.expect(
      bad.length === 0,
      `${bad.length} errors that are not retryable: ${bad[0]?.code} ${bad[0]?.message ?? ""}`,
    );
    return `migrations of ${moved.join(", ")} ms; ${counts.acknowledged} acknowledged, ${counts.lost} lost, ${counts.duplicated} ran twice; ${refusals.length} retryable errors, slowest enqueue ${slowest} ms`;
  },
};
