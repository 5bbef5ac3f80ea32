import { backlog, percent, sharesOf, startsInOrder } from "../harness/order.mjs";

const STARTS = 10_000;
const WEIGHTS = { a: 1, b: 2, c: 5 };
const ERROR = 0.03;

export const number = 23;
export const name = "weights";
export const check = "keys with the weights 1, 2 and 5, and a weight that is changed while a backlog waits";
export const expected =
  "over 10,000 starts each key has its share within 3%; after the change of a weight from 1 to 10 the next 1,700 starts have the new shares";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { limits } = view.observer;
  const keyOf = new Map();
  for (const key of Object.keys(WEIGHTS)) await backlog(ctx, view, keyOf, key, STARTS);
  for (const [key, weight] of Object.entries(WEIGHTS)) await limits.setKey(ctx.queueName, key, { weight });
  const seen = [];
  const compare = async (weights, starts, batch, when) => {
    const shares = sharesOf((await startsInOrder(view, starts, batch)).map((id) => keyOf.get(id)));
    const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
    for (const [key, weight] of Object.entries(weights)) {
      const wanted = weight / sum;
      const share = shares.get(key) ?? 0;
      ctx.expect(
        Math.abs(share / wanted - 1) <= ERROR,
        `${when}: ${key} has ${percent(share)} of the starts, ${percent(wanted)} expected`,
      );
    }
    seen.push(
      `${when} ${Object.keys(weights)
        .map((key) => percent(shares.get(key)))
        .join(" : ")}`,
    );
  };
  await compare(WEIGHTS, STARTS, 50, "at first");
  await limits.setKey(ctx.queueName, "a", { weight: 10 });
  await compare({ ...WEIGHTS, a: 10 }, 1_700, 50, "after the change");
  await ctx.expectAudit(view);
  return seen.join("; ");
}
