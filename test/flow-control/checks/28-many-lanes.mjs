import { sleeps } from "../harness/context.mjs";
import { count, needValgrind, startCounted } from "../harness/instructions.mjs";

const CALLS = 4;
const WANT = 250;
const BOUND = 1.5;

export const number = 28;
export const name = "many-lanes";
export const check = "an acquire of 250 tasks while 100,000 keys wait, compared with one while 100 keys wait";
export const expected = "at most 1.5 times the instructions of Redis (callgrind, 4 calls each)";
export const timeoutMs = 180_000;

/** @returns the instructions of one acquire */
async function cost(ctx, keys) {
  const made = await ctx.startRedis();
  const view = ctx.client(made.url);
  const tasks = Math.max(keys, 2_000);
  await ctx.put(
    view,
    sleeps(tasks, 0).map((task, n) => ({ ...task, key: `k${n % keys}` })),
  );
  // Redis loads the tasks from a file, because under callgrind it would take minutes to enqueue them.
  await made.cli("save");
  await view.client.close();
  await made.kill();
  const redis = await startCounted(ctx, { dataFolder: made.folder });
  const { hands } = ctx.client(redis.url);
  // The first calls also load the scripts.
  await hands.acquire(WANT);
  const instructions = await count(ctx, redis, async () => {
    for (let call = 0; call < CALLS; call++) {
      const held = await hands.acquire(WANT);
      ctx.expect(held.length === WANT, `${keys} keys: ${held.length} granted`);
    }
  });
  return instructions / CALLS;
}

export async function run(ctx) {
  needValgrind();
  const few = await cost(ctx, 100);
  const many = await cost(ctx, 100_000);
  ctx.expect(few > 1e6, `only ${few} instructions were counted`);
  const ratio = many / few;
  ctx.figures.manyKeysRatio = ratio;
  ctx.expect(ratio <= BOUND, `${ratio.toFixed(2)} times the instructions`);
  return `${(few / WANT / 1_000).toFixed(1)}k instructions per task with 100 keys, ${(many / WANT / 1_000).toFixed(1)}k with 100,000: ${ratio.toFixed(2)} times`;
}
