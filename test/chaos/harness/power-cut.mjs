import { setTimeout as sleep } from "node:timers/promises";
import { AOF } from "./redis.mjs";
import { powerCut, whyNoShim } from "./shim.mjs";
import { mono } from "./until.mjs";

/** Makes a test in which the machine loses power: all writes that Redis had not synced to disk are lost. */
export function powerCutRow(order, policy, windowMs, durability) {
  return {
    order,
    name: `power-cut-${policy}`,
    fault: `power cut under load, unsynced writes dropped (AOF ${policy}${durability ? `, durability ${durability}` : ""}), twice`,
    expected:
      windowMs === 0
        ? "no acknowledged write is lost"
        : `only acknowledged writes of the last ${windowMs / 1000} s are lost`,
    skip: whyNoShim,
    timeoutMs: 60_000,
    async run(ctx) {
      const power = powerCut(ctx.folder);
      const redis = await ctx.startRedis({ args: AOF[policy], env: power.env });
      const settings = ctx.settings(redis.url);
      const view = ctx.client(redis.url);
      await ctx.janitor(settings).ready();
      await ctx.worker(settings).ready();
      const options = durability ? { durability } : {};
      const producer = await ctx.producer(settings, { ratePerSecond: 400, options }).ready();
      const cuts = [];
      let dropped = 0;
      for (let round = 0; round < 2; round++) {
        await sleep(2_700);
        cuts.push(mono());
        await redis.kill();
        dropped += power.dropUnsynced(redis.folder);
        await redis.start();
      }
      await sleep(1_000);
      await producer.finish();
      let oldestMs = 0;
      const counts = await ctx.settle(view, {
        rewound: true,
        mayLose: (ok) => {
          const cut = cuts.find((at) => at >= ok.mono);
          if (windowMs === 0 || cut === undefined) return false;
          oldestMs = Math.max(oldestMs, cut - ok.mono);
          return cut - ok.mono <= windowMs;
        },
      });
      if (windowMs > 0) ctx.expect(dropped > 0, "the power cut dropped nothing, so the row proves nothing");
      if (durability) {
        const receipts = producer.heard("enqueue", { phase: "ok" });
        ctx.expect(
          receipts.every((line) => line.durability === durability),
          `not every receipt says ${durability}`,
        );
      }
      const lost = counts.lost + counts.lostAllowed;
      const age =
        lost > 0 ? `, the oldest of them acknowledged ${Math.round(oldestMs)} ms before the cut` : "";
      return `${counts.acknowledged} acknowledged, ${lost} lost${age}; ${dropped} bytes of the AOF dropped`;
    },
  };
}
