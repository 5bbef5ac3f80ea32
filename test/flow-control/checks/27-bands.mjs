import { backlog, percent, sharesOf, startsInOrder } from "../harness/order.mjs";

const STARTS = 3_200;
const SHARES = { high: 12 / 16, normal: 3 / 16, low: 1 / 16 };

export const number = 27;
export const name = "bands";
export const check =
  "one task of low priority beside many tasks with keys of high priority; many tasks of every priority";
export const expected =
  "the one task is among the first 32 starts; of 3,200 starts, 12 of 16 are high, 3 of 16 normal and 1 of 16 low, within 1% of all (no key has tasks of two priorities), with calls of 1 and of 16";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const seen = [];
  for (const batch of [1, 16]) {
    const bandOf = new Map();
    const flood = (priority, key, count) =>
      backlog(ctx, view, { set: (id) => bandOf.set(id, priority) }, key, count, { priority });
    for (let n = 0; n < 10; n++) await flood("high", `k${n}`, 400);
    const { queue } = view;
    const { id: lonely } = await queue.enqueue("sleep", 0, { priority: "low" });
    const first = await startsInOrder(view, 64, batch);
    const place = first.indexOf(lonely) + 1;
    ctx.expect(
      place >= 1 && place <= 32,
      `calls of ${batch}: the task of low priority starts as number ${place}`,
    );
    for (let n = 0; n < 10; n++) {
      await flood("normal", `n${n}`, 200);
      await flood("low", `l${n}`, 200);
    }
    const ids = await startsInOrder(view, STARTS, batch);
    const shares = sharesOf(ids.map((id) => bandOf.get(id)));
    for (const [band, wanted] of Object.entries(SHARES)) {
      const share = shares.get(band) ?? 0;
      ctx.expect(
        Math.abs(share - wanted) <= 0.01,
        `calls of ${batch}: ${percent(share)} ${band}, ${percent(wanted)} expected`,
      );
    }
    await startsInOrder(view, 4_000 + 1 + 4_000 - 64 - STARTS, 250);
    seen.push(
      `calls of ${batch}: the task of low priority starts as number ${place}; shares of high, normal and low: ${["high", "normal", "low"].map((band) => percent(shares.get(band))).join(", ")}`,
    );
  }
  await ctx.expectAudit(view);
  return seen.join("; ");
}
