import { backlog, percent, sharesOf, startsInOrder } from "../harness/order.mjs";

const STARTS = 4_000;
const LEAST = 0.4;

export const number = 26;
export const name = "keyed-and-unkeyed";
export const check = "half of the waiting tasks have a key, the others have none";
export const expected =
  "each half has at least 40% of the starts, with one key, and with 10 keys if the tasks without a key have the weight 10";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const seen = [];
  for (const keys of [1, 10]) {
    const keyOf = new Map();
    if (keys > 1) await view.observer.limits.set(ctx.queueName, { queue: { weight: keys } });
    for (let n = 0; n < keys; n++) await backlog(ctx, view, keyOf, `k${n}`, STARTS / keys);
    await backlog(ctx, view, keyOf, "", STARTS);
    const ids = await startsInOrder(view, STARTS, 50);
    const shares = sharesOf(ids.map((id) => (keyOf.get(id) === "" ? "unkeyed" : "keyed")));
    for (const half of ["keyed", "unkeyed"])
      ctx.expect(
        (shares.get(half) ?? 0) >= LEAST,
        `${keys} keys: the ${half} tasks have ${percent(shares.get(half))} of the starts`,
      );
    await startsInOrder(view, STARTS, 250);
    seen.push(
      `${keys} keys: ${percent(shares.get("keyed"))} keyed, ${percent(shares.get("unkeyed"))} unkeyed`,
    );
  }
  await ctx.expectAudit(view);
  return seen.join("; ");
}
