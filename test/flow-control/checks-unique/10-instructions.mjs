import { count, needValgrind, startCounted } from "../harness/instructions.mjs";

const BATCH = 500;
const CALLS = 6;
const BOUND = 1.3;

export const number = 10;
export const name = "instructions";
export const check =
  "an enqueue of 500 tasks with unique keys, compared with one of 500 tasks with given ids";
export const expected = "at most 1.3 times the instructions of Redis per task (callgrind, 6 calls each)";
export const timeoutMs = 120_000;

/**
 * @param optionsOf returns the options of the n-th task
 * @returns the instructions per task
 */
async function cost(ctx, optionsOf) {
  const redis = await startCounted(ctx);
  const { queue, client } = ctx.client(redis.url);
  await queue.ready();
  let made = 0;
  const enqueue = async () => {
    const tasks = Array.from({ length: BATCH }, () => ({
      type: "t",
      payload: "x".repeat(94),
      ...optionsOf(String(made++).padStart(10, "0")),
    }));
    const results = await queue.enqueueMany(tasks);
    ctx.expect(
      results.every((result) => result.ok && !result.receipt.deduplicated),
      "a task was not accepted",
    );
  };
  // The first calls also load the scripts.
  await enqueue();
  await enqueue();
  const instructions = await count(ctx, redis, async () => {
    for (let call = 0; call < CALLS; call++) await enqueue();
  });
  await client.close();
  await redis.kill();
  return instructions / (CALLS * BATCH);
}

export async function run(ctx) {
  needValgrind();
  const plain = await cost(ctx, () => ({}));
  const ids = await cost(ctx, (n) => ({ id: `task${n}` }));
  const unique = await cost(ctx, (n) => ({ unique: { key: `task${n}` } }));
  const windows = await cost(ctx, (n) => ({
    unique: { key: `task${n}`, scope: "window", windowMs: 3_600_000 },
  }));
  ctx.expect(plain > 1_000, `only ${plain} instructions per task were counted`);
  const ratio = unique / ids;
  ctx.expect(ratio <= BOUND, `${ratio.toFixed(2)} times the instructions`);
  const shown = [plain, ids, unique, windows].map((figure) => Math.round(figure).toLocaleString("en"));
  return `${shown[2]} instructions per task with a unique key, ${shown[1]} with a given id (${ratio.toFixed(2)} times); ${shown[3]} with a window, ${shown[0]} without key and id`;
}
