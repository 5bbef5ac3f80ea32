import { oldVersion } from "../../chaos/harness/old-version.mjs";
import { Hands } from "../harness/hands.mjs";
import { count, needValgrind, startCounted } from "../harness/instructions.mjs";

/** The last commit without durable steps. */
const BEFORE_STEPS = "11e2e838";
/** How many calls are counted: tasks per call -> number of calls. */
const CALLS = { 250: 60, 1: 1_000 };
/** Each run of the current version is compared with the run of the old version just before it. */
const PAIRS = 5;
const BOUND = 1.002;

export const number = 9;
export const name = "unused-costs-nothing";
export const check = "tasks without steps, compared with the last version that had no steps";
export const expected = `a settle with an acquire of 250 tasks, and of one task: the same commands, and at most 0.2% more instructions in the script calls (the median of ${PAIRS} pairs of runs)`;
export const timeoutMs = 900_000;

/** @param root the folder of the version to measure; null for the current version */
async function costs(ctx, root, batch) {
  const { Holdfast, Queue } = await import(
    root === null ? "holdfast" : `${root}/packages/holdfast/dist/index.js`
  );
  const redis = await startCounted(ctx, { only: "evalShaCommand" });
  const client = new Holdfast({ redis: redis.url });
  ctx.onClose(() => client.close());
  await client.check();
  const queue = new Queue("q", { client });
  await queue.ready();
  const engine = client.engine("q");
  // With these settings, the counted settles also purge completed tasks.
  await client.connection.command("HSET", engine.keys.state, "#settings", "1 0 0 86400000 500 3600000 ");
  const calls = CALLS[batch];
  for (let at = 0; at < (calls + 6) * batch + 1_000; at += 1_000)
    await queue.enqueueMany(Array.from({ length: 1_000 }, () => ({ type: "t", payload: "x".repeat(94) })));
  const hands = new Hands(engine);
  // More tasks complete here than are kept. So the first counted settle purges as many tasks as the last one.
  let held = await hands.acquire(250);
  for (let call = 0; call < 3; call++) held = await hands.ack(held, 250);
  held = await hands.ack(held, batch);
  const commands = async () => {
    const text = await redis.cli("info", "commandstats");
    return [...text.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].reduce((sum, [, name, calls]) => {
      return name === "info" ? sum : sum + Number(calls);
    }, 0);
  };
  const before = await commands();
  const instructions = await count(ctx, redis, async () => {
    for (let call = 0; call < calls; call++) held = await hands.ack(held, batch);
  });
  const made = (await commands()) - before;
  await redis.kill();
  return { instructions: instructions / (calls * batch), commands: made };
}

async function compare(ctx, batch) {
  const pairs = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const before = await costs(ctx, oldVersion(BEFORE_STEPS), batch);
    const now = await costs(ctx, null, batch);
    ctx.expect(
      now.commands <= before.commands,
      `with ${batch} in a call, Redis runs ${now.commands} commands, and ran ${before.commands} before`,
    );
    ctx.expect(before.instructions > 1_000, `only ${before.instructions} instructions a task were counted`);
    pairs.push({ before, now, ratio: now.instructions / before.instructions });
  }
  pairs.sort((a, b) => a.ratio - b.ratio);
  const { before, now, ratio } = pairs[Math.floor(PAIRS / 2)];
  const percent = (value) => `${(100 * (value - 1)).toFixed(2)}%`;
  ctx.expect(ratio <= BOUND, `with ${batch} in a call, Redis needs ${percent(ratio)} more instructions`);
  return `${batch} in a call: ${now.commands} commands, ${before.commands} before; ${Math.round(now.instructions)} instructions a task, ${Math.round(before.instructions)} before: ${percent(ratio)} (${percent(pairs[0].ratio)} to ${percent(pairs.at(-1).ratio)})`;
}

export async function run(ctx) {
  needValgrind();
  return `${await compare(ctx, 250)}; ${await compare(ctx, 1)}`;
}
