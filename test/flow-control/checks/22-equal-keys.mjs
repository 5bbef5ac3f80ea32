import { backlog, startsInOrder } from "../harness/order.mjs";
import { widestSpread } from "../harness/starts.mjs";

const KEYS = 1_000;
const TASKS_OF_KEY = 60;
const WINDOW = 10_000;
const SPREAD = 2;

export const number = 22;
export const name = "equal-keys";
export const check = "1,000 keys of equal weight; the tasks of each key were enqueued one after another";
export const expected =
  "60,000 tasks (shortened from 1,000,000): in any 10,000 starts in a row, the numbers of starts of two keys differ by at most 2, with calls of 50 and of 250";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const keyOf = new Map();
  for (let n = 0; n < KEYS; n++) await backlog(ctx, view, keyOf, `k${n}`, TASKS_OF_KEY);
  const half = (KEYS * TASKS_OF_KEY) / 2;
  const ids = [...(await startsInOrder(view, half, 250)), ...(await startsInOrder(view, half, 50))];
  const spread = widestSpread(
    ids.map((id) => keyOf.get(id)),
    WINDOW,
  );
  ctx.expect(spread <= SPREAD, `the starts of two keys differ by ${spread}`);
  await ctx.expectAudit(view);
  return `of ${WINDOW} starts in a row, two keys differ by at most ${spread}; ${ids.length} starts in all`;
}
