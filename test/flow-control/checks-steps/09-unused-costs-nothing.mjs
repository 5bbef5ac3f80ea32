import { oldVersion } from "../../chaos/harness/old-version.mjs";
import { Hands } from "../harness/hands.mjs";
import { count, needValgrind, startCounted } from "../harness/instructions.mjs";

/** The last commit without durable steps. */
const BEFORE_STEPS = "11e2e838";
const BATCH = 250;
const CALLS = 60;
// The counts of two servers differ by up to 0.3%, because each server has a hash seed of its own.
const RUNS = 6;
const BOUND = 1.002;

export const number = 9;
export const name = "unused-costs-nothing";
export const check = "tasks without steps, compared with the last version that had no steps";
export const expected =
  "a settle with an acquire of 250 tasks: the same commands, and at most 0.2% more instructions of Redis per task (the mean of 6 runs)";
export const timeoutMs = 400_000;

/** @param root the folder of the version to measure; null for the present version */
async function costs(ctx, root) {
  const { Holdfast, Queue } = await import(
    root === null ? "holdfast" : `${root}/packages/holdfast/dist/index.js`
  );
  const redis = await startCounted(ctx);
  const client = new Holdfast({ redis: redis.url });
  ctx.onClose(() => client.close());
  await client.check();
  const queue = new Queue("q", { client });
  await queue.ready();
  const engine = client.engine("q");
  // With these settings, the settles that are counted also purge completed tasks.
  await client.connection.command("HSET", engine.keys.state, "#settings", "1 0 0 86400000 500 3600000 ");
  for (let at = 0; at < (CALLS + 6) * BATCH; at += 1_000)
    await queue.enqueueMany(Array.from({ length: 1_000 }, () => ({ type: "t", payload: "x".repeat(94) })));
  const hands = new Hands(engine);
  let held = await hands.acquire(BATCH);
  for (let call = 0; call < 4; call++) held = await hands.ack(held, BATCH);
  const commands = async () => {
    const text = await redis.cli("info", "commandstats");
    return [...text.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].reduce((sum, [, name, calls]) => {
      return name === "info" ? sum : sum + Number(calls);
    }, 0);
  };
  const before = await commands();
  const instructions = await count(ctx, redis, async () => {
    for (let call = 0; call < CALLS; call++) held = await hands.ack(held, BATCH);
  });
  const made = (await commands()) - before;
  await redis.kill();
  return { instructions: instructions / (CALLS * BATCH), commands: made };
}

export async function run(ctx) {
  needValgrind();
  const seen = { before: [], now: [] };
  for (let n = 0; n < RUNS; n++) {
    seen.before.push(await costs(ctx, oldVersion(BEFORE_STEPS)));
    seen.now.push(await costs(ctx, null));
  }
  const mean = (all) => ({
    instructions: all.reduce((sum, one) => sum + one.instructions, 0) / RUNS,
    commands: Math.max(...all.map((one) => one.commands)),
  });
  const before = mean(seen.before);
  const now = mean(seen.now);
  ctx.expect(before.instructions > 1_000, `only ${before.instructions} instructions a task were counted`);
  ctx.expect(
    now.commands <= before.commands,
    `Redis runs ${now.commands} commands, and ran ${before.commands} before`,
  );
  const ratio = now.instructions / before.instructions;
  ctx.expect(ratio <= BOUND, `Redis needs ${ratio.toFixed(4)} times the instructions`);
  return `${now.commands} commands, ${before.commands} before; ${Math.round(now.instructions)} instructions a task, ${Math.round(before.instructions)} before: ${(100 * (ratio - 1)).toFixed(2)}%`;
}
