import { until } from "../../chaos/harness/until.mjs";
import { redisNow } from "../harness/context.mjs";

const ROUNDS = 50;
const BOUND_MS = 100;

export const number = 5;
export const name = "empty-flow";
export const check = `a flow without nodes, ${ROUNDS} times: by turns made in one call, and opened and then sealed`;
export const expected = `its callback success starts at most ${BOUND_MS} ms after the call began`;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { queue } = view;
  await ctx.keepAll(view);
  await ctx.startSlots(redis.url, 1);
  const on = { success: { type: "sum" } };
  const took = [];
  for (let round = 0; round < ROUNDS; round++) {
    const id = `empty${round}`;
    const from = await redisNow(redis);
    if (round % 2 === 0) await queue.flow({ id, nodes: [], on });
    else await (await queue.openFlow({ id, on })).seal();
    const task = await until(`${id}:success has ended`, async () => {
      const found = await queue.get(`${id}:success`);
      return found?.state === "completed" && found;
    });
    took.push(task.history[0].startedAt - from);
  }
  const most = Math.max(...took);
  ctx.expect(most <= BOUND_MS, `the slowest callback started after ${most.toFixed(1)} ms`);
  await ctx.expectAudit(view);
  return `the callbacks started after ${Math.min(...took).toFixed(1)} to ${most.toFixed(1)} ms`;
}
