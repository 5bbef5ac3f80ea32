import { oldVersion } from "../../chaos/harness/old-version.mjs";
import { Hands } from "../harness/hands.mjs";
import { count, needValgrind, startCounted } from "../harness/instructions.mjs";

const BATCH = 250;
const CALLS = 20;
const WAITING = 20_000;
const ENQUEUED = 5_000;
const BOUND = 1.01;

export const number = 9;
export const name = "unused-costs-nothing";
export const check =
  "a queue that uses no keys and limits, compared with the last version without keys and limits";
export const expected =
  "settle + acquire of 250: at most 1% more instructions of Redis per task (callgrind); 20,000 waiting tasks take no more memory (0.5%); an enqueue is measured, without a bound";
export const timeoutMs = 240_000;

/**
 * @param root the folder of the version to measure; null for the current version
 * @returns the instructions per task of a settle with an acquire and of an enqueue, and the bytes of a waiting task
 */
async function costs(ctx, root) {
  const { Holdfast, Queue } = await import(
    root === null ? "holdfast" : `${root}/packages/holdfast/dist/index.js`
  );
  const redis = await startCounted(ctx, { only: "evalShaCommand" });
  const client = new Holdfast({ redis: redis.url });
  ctx.onClose(() => client.close());
  await client.check();
  const queue = new Queue("q", { client });
  const put = async (tasks, from, hasIds = true) => {
    for (let at = from; at < from + tasks; at += 1_000)
      await queue.enqueueMany(
        Array.from({ length: Math.min(1_000, from + tasks - at) }, (_, n) => ({
          type: "t",
          payload: "x".repeat(94),
          ...(hasIds ? { id: `task${String(at + n).padStart(10, "0")}` } : {}),
        })),
      );
  };
  await queue.ready();
  const engine = client.engine("q");
  const used = async () => {
    const { tasks, pending, state } = engine.keys;
    const sizes = [tasks, pending, state].map((key) => redis.cli("memory", "usage", key, "samples", 0));
    return (await Promise.all(sizes)).reduce((sum, size) => sum + Number(size), 0);
  };
  await put(1_000, 0);
  const before = await used();
  await put(WAITING, 1_000);
  const bytes = ((await used()) - before) / WAITING;
  const hands = new Hands(engine);
  let held = await hands.ack(await hands.acquire(BATCH), BATCH);
  const instructions = await count(ctx, redis, async () => {
    for (let call = 0; call < CALLS; call++) {
      held = await hands.ack(held, BATCH);
      if (held.length !== BATCH) throw new Error(`${held.length} granted`);
    }
  });
  const enqueue = await count(ctx, redis, () => put(ENQUEUED, 1_000 + WAITING, false));
  await redis.kill();
  return { instructions: instructions / (CALLS * BATCH), enqueue: enqueue / ENQUEUED, bytes };
}

export async function run(ctx) {
  needValgrind();
  const before = await costs(ctx, oldVersion());
  const now = await costs(ctx, null);
  ctx.expect(before.instructions > 1_000, `only ${before.instructions} instructions per task were counted`);
  const ratio = now.instructions / before.instructions;
  ctx.figures.unusedSettlePercent = 100 * (ratio - 1);
  ctx.figures.unusedEnqueuePercent = 100 * (now.enqueue / before.enqueue - 1);
  ctx.expect(ratio <= BOUND, `${ratio.toFixed(4)} times the instructions`);
  const memory = now.bytes / before.bytes;
  ctx.expect(
    memory <= 1.005,
    `${now.bytes.toFixed(1)} bytes per waiting task, ${before.bytes.toFixed(1)} before`,
  );
  return `${Math.round(now.instructions)} instructions per task, ${Math.round(before.instructions)} before: ${(100 * (ratio - 1)).toFixed(2)}% more; enqueue ${Math.round(now.enqueue)}, ${Math.round(before.enqueue)} before; ${now.bytes.toFixed(1)} bytes per waiting task, ${before.bytes.toFixed(1)} before`;
}
