import { setTimeout as sleep } from "node:timers/promises";

const TASKS = 90;
const STEPS = 50;
const RUN_MS = 30_000;
const KILL_MS = 1_000;
const WORKERS = 4;
const TASK = { type: "steps", payload: { steps: STEPS, ms: 40 }, maxRetries: 100 };

/**
 * Reads the histories of all workers. @returns how many steps ran, how many ran again because the process died before
 * they were stored, and the steps that ran again although they were stored
 */
function read(lines) {
  const steps = new Map();
  for (const { op, phase, id, n, mono } of lines) {
    if (op !== "step") continue;
    const key = `${id} ${n}`;
    const step = steps.get(key) ?? { ran: [], storedAt: Number.POSITIVE_INFINITY };
    if (phase === "invoke") step.ran.push(mono);
    else step.storedAt = Math.min(step.storedAt, mono);
    steps.set(key, step);
  }
  const all = [...steps];
  return {
    steps: all.length,
    again: all.reduce((sum, [, { ran }]) => sum + ran.length - 1, 0),
    lost: all.filter(([, { ran, storedAt }]) => ran.some((at) => at > storedAt)).map(([key]) => key),
  };
}

export const row = {
  order: 32,
  name: "steps-worker-killed",
  fault: `kill -9 of a worker each second for ${RUN_MS / 1_000} s, while tasks of ${STEPS} steps run`,
  expected:
    "no step runs again after it was stored; every task completes; no task is lost; the audit finds nothing",
  timeoutMs: 150_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const workers = [];
    // A worker needs longer to start than the time between two kills, so several workers start at the same time.
    const start = async () => {
      const worker = ctx.worker(url, { only: ["steps"], concurrency: 4, aheadMs: 0 });
      workers.push(await worker.ready());
    };
    await Promise.all(Array.from({ length: WORKERS }, start));
    const starts = [];
    const end = performance.now() + RUN_MS;
    let kills = 0;
    let enqueued = 0;
    while (performance.now() < end) {
      if (enqueued < TASKS) enqueued += (await ctx.enqueue(view, [TASK, TASK, TASK])).length;
      await sleep(KILL_MS);
      const worker = workers.shift();
      if (!worker) continue;
      await worker.kill();
      kills++;
      starts.push(start());
    }
    await Promise.all(starts);
    const { tasks, acknowledged, lost } = await ctx.settle(view, { maxGrants: 101, drainMs: 90_000 });
    const states = [...tasks.values()].map(({ state, resultText }) => `${state} ${resultText}`);
    ctx.expect(
      states.every((text) => text === `completed ${STEPS}`),
      `not every task completed: ${[...new Set(states)].join(", ")}`,
    );
    const seen = read(ctx.lines());
    const { totals } = await view.observer.stats(ctx.queueName);
    ctx.expect(seen.steps === acknowledged * STEPS, `${seen.steps} steps ran, not ${acknowledged * STEPS}`);
    ctx.expect(
      seen.lost.length === 0,
      `steps ran again after they were stored: ${seen.lost.slice(0, 3).join(", ")}`,
    );
    ctx.expect(totals.crashed >= 10, `only ${totals.crashed} leases were taken back`);
    return `${kills} kills, ${totals.crashed} leases taken back; ${seen.steps} steps of ${acknowledged} tasks, ${seen.again} ran again because they were not stored yet, ${seen.lost.length} although they were; ${lost} lost`;
  },
};
