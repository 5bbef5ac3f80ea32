import { readSteps, writeStep } from "../../../packages/holdfast/dist/engine/steps.js";

const STEPS = 1_000;
const BYTES = 1_024;
const TIMES = 20;
const MOST_MS = 50;
const MOST_MEMORY = 1.3;

export const number = 5;
export const name = "resume";
export const check = `a task with ${STEPS.toLocaleString("en")} steps of 1 KiB continues in a new attempt`;
export const expected = `the steps are read in one call of at most ${MOST_MS} ms, and take at most ${MOST_MEMORY} times the bytes of their results in Redis`;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { engine, hands } = view;
  await view.queue.enqueue("t", 1);
  const [grant] = await hands.acquire(1);
  const text = JSON.stringify("x".repeat(BYTES - 2));
  const step = (place) => ({ place, kind: "s", outcome: "d", name: `step ${place}`, text });
  for (let place = 1; place <= STEPS; place++) await writeStep(engine, grant, step(place));
  const calls = async () =>
    Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.cli("info", "commandstats"))?.[1] ?? 0);
  const before = await calls();
  const times = [];
  for (let n = 0; n < TIMES; n++) {
    const start = performance.now();
    const { steps } = await readSteps(engine, grant.id);
    times.push(performance.now() - start);
    ctx.expect(steps.length === STEPS && steps.every((each) => each.text === text), "a step is missing");
  }
  const made = (await calls()) - before;
  times.sort((a, b) => a - b);
  const median = times[TIMES / 2];
  const memory =
    Number(await redis.cli("memory", "usage", engine.keys.steps, "samples", 0)) / (STEPS * BYTES);
  ctx.expect(made <= TIMES + 1, `${made} calls for ${TIMES} reads`);
  ctx.expect(median <= MOST_MS, `the median call takes ${median.toFixed(1)} ms`);
  ctx.expect(memory <= MOST_MEMORY, `the steps take ${memory.toFixed(2)} times the bytes of their results`);
  return `one call per read, ${median.toFixed(1)} ms (median of ${TIMES}); the steps take ${memory.toFixed(2)} times the bytes of their results`;
}
