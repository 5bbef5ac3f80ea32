import { setTimeout as sleep } from "node:timers/promises";

// `FLOW_MINUTES=10 make chaos ROW=steps-worker-stopped` is the long run.
const minutes = Number(process.env.FLOW_MINUTES ?? 0.6);
const TASKS = 4;
const UNIT_MS = 50;
/** A checkpoint is stored after this many units, so there is one in each second. */
const EVERY = 1_000 / UNIT_MS;
const STOP_MS = 10_000;
const runMs = minutes * 60_000;
const units = Math.ceil(runMs / UNIT_MS);
const TASK = { type: "long", payload: { units, ms: UNIT_MS, every: EVERY } };

/**
 * Reads the units that a task did, in order. @returns how many units it repeated, for each time when it continued
 * after a stop; and whether it skipped units
 */
function read(lines, task) {
  const done = lines
    .filter(({ op, id }) => op === "unit" && id === task)
    .sort((a, b) => a.mono - b.mono)
    .map(({ n }) => n);
  const again = [];
  let gaps = 0;
  for (const [at, n] of done.entries()) {
    const before = done[at - 1] ?? 0;
    if (n > before + 1) gaps++;
    if (n <= before) again.push(before - n + 1);
  }
  return { again, gaps };
}

export const row = {
  order: 33,
  name: "steps-worker-stopped",
  fault: `SIGTERM of the worker every ${STOP_MS / 1_000} s, while ${TASKS} tasks of ${minutes * 60} s keep a checkpoint every second`,
  expected:
    "each stop makes a task do at most 1 s of its work again; each task completes in one attempt; no task is lost",
  waits: true,
  timeoutMs: 3 * runMs + 60_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    // With leases of 30 s, a task continues in time only if its worker hands it back.
    const start = () => ctx.worker(url, { only: ["long"], concurrency: TASKS, leaseMs: 30_000 }).ready();
    let worker = await start();
    const ids = [];
    for (let n = 0; n < TASKS; n++) {
      ids.push(...(await ctx.enqueue(view, [TASK])));
      // The tasks store their checkpoints at different times, so a stop comes at a different moment for each task.
      await sleep(1_000 / TASKS);
    }
    const from = performance.now();
    let stops = 0;
    for (;;) {
      await sleep(from + (stops + 1) * STOP_MS - performance.now());
      if ((await view.observer.stats(ctx.queueName)).completed === TASKS) break;
      const next = await start();
      await worker.finish();
      worker = next;
      stops++;
    }
    const { tasks, lost } = await ctx.settle(view);
    const seen = ids.map((id) => ({ ...read(ctx.lines(), id), task: tasks.get(id) }));
    const again = seen.flatMap((each) => each.again);
    const most = Math.max(0, ...again);
    ctx.expect(most <= EVERY, `a stop made a task do ${most * UNIT_MS} ms of its work again`);
    for (const { gaps, task } of seen) {
      ctx.expect(gaps === 0, `${task.id} left out work ${gaps} times`);
      ctx.expect(
        task.state === "completed" && task.resultText === String(units) && task.attempts === 1,
        `${task.id} is ${task.state} ${task.resultText} after ${task.attempts} attempts`,
      );
      ctx.expect(
        task.releases === stops && task.crashes === 0,
        `${task.id} was handed back ${task.releases} times after ${stops} stops, and crashed ${task.crashes} times`,
      );
    }
    ctx.expect(stops >= Math.ceil(runMs / STOP_MS) - 1, `only ${stops} stops`);
    ctx.expect(again.length > 0, "no stop made a task do work again, so the row proves nothing");
    const mean = (again.reduce((sum, each) => sum + each, 0) * UNIT_MS) / (stops * TASKS);
    return `${stops} stops of ${TASKS} tasks; a stop made a task do at most ${most * UNIT_MS} ms of its work again, ${Math.round(mean)} ms on average; 1 attempt each; ${lost} lost`;
  },
};
