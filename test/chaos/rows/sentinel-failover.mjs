import { setTimeout as sleep } from "node:timers/promises";
import { DOWN_AFTER_MS, SENTINEL_NAME, startSentinels } from "../harness/topologies.mjs";
import { mono, until } from "../harness/until.mjs";

const OUTAGE_MS = 5_000;

export const row = {
  order: 17,
  name: "sentinel-failover",
  fault: `kill -9 of the master of a Sentinel trio under load (two replicas, down-after ${DOWN_AFTER_MS / 1000} s)`,
  expected: `outage below ${OUTAGE_MS / 1000} s; no task is lost among writes confirmed by WAIT`,
  timeoutMs: 90_000,
  async run(ctx) {
    const { servers, sentinels, masterPort } = await startSentinels(ctx);
    const settings = { sentinels, sentinelName: SENTINEL_NAME, commandTimeoutMs: 1_000 };
    const view = ctx.client(settings);
    await ctx.janitor(settings).ready();
    await ctx.worker(settings).ready();
    const confirmed = await ctx
      .producer(settings, { ratePerSecond: 200, options: { durability: "replicated" } })
      .ready();
    const plain = await ctx.producer(settings, { ratePerSecond: 200 }).ready();
    await sleep(2_000);
    const old = await masterPort();
    const killedAt = mono();
    await servers.find(({ port }) => port === old).kill();
    await until("the Sentinel names another master", async () => (await masterPort()) !== old, 20_000);
    const accepted = (producer) =>
      producer.heard("enqueue", { phase: "ok" }).find((line) => line.mono > killedAt + 200);
    await until("enqueues are confirmed again", () => accepted(confirmed) && accepted(plain), 20_000);
    await sleep(1_500);
    for (const producer of [confirmed, plain]) await producer.finish();
    const byId = new Set(plain.heard("enqueue", { phase: "ok" }).map((line) => line.id));
    // With durability `memory`, two kinds of writes may be lost: those that the replicas did not have yet, and those
    // that a master accepted before it was demoted.
    const counts = await ctx.settle(view, {
      rewound: true,
      mayLose: (ok) => byId.has(ok.id),
    });
    const outageMs = Math.round(Math.min(accepted(plain).mono, accepted(confirmed).mono) - killedAt);
    const receipts = confirmed.heard("enqueue", { phase: "ok" });
    ctx.expect(outageMs < OUTAGE_MS, `the outage took ${outageMs} ms`);
    ctx.expect(
      receipts.length > 300 && receipts.every((line) => line.durability === "replicated"),
      `${receipts.length} receipts, not all of them say replicated`,
    );
    return `outage ${outageMs} ms; of ${receipts.length} confirmed by WAIT ${counts.lost} lost, of ${byId.size} in mode memory ${counts.lostAllowed} lost; ${counts.recovered} recovered`;
  },
};
