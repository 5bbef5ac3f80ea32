// Measures worker processes that have just started, with a concurrency of 50 each: one process, and two that start
// together. Another process has enqueued the tasks. The measurement ends with the last task.
import { fileURLToPath } from "node:url";
import { takenIn } from "../harness/asked.mjs";
import { ENGINES, FLOORS, rotate } from "./tasks.mjs";

export const name = "two workers";
export const rounds = (quick) => (quick ? 1 : 3);
const fillFile = fileURLToPath(new URL("../harness/task-run.mjs", import.meta.url));
const workFile = fileURLToPath(new URL("../harness/shared-work.mjs", import.meta.url));
const TASKS = 10_000;
const FIRST = 1_000;
const START_IN_MS = 1_500;
const ONE = "process at 50";
const TWO = "process at 2 x 50";

/** Returns the metrics of one run. `first_tasks_per_s` is the rate of the first 1,000 tasks of the first worker. */
async function run(ctx, system, workers) {
  const { url } = ctx.redis;
  await ctx.runNode(fillFile, { system, url, phases: [{ do: "flush" }, { do: "bulk", count: TASKS }] });
  const startAt = Date.now() + START_IN_MS;
  const parts = await Promise.all(
    Array.from({ length: workers }, () =>
      ctx.runNode(workFile, { system, url, concurrency: 50, startAt, first: FIRST }),
    ),
  );
  const handled = parts.reduce((sum, part) => sum + part.done, 0);
  if (handled !== TASKS)
    throw new Error(`${system}: ${TASKS} tasks, ${handled} settled by ${workers} workers`);
  const ms =
    Math.max(...parts.map(({ lastAt }) => lastAt)) - Math.min(...parts.map(({ startedAt }) => startedAt));
  return {
    tasks_per_s: (TASKS / ms) * 1_000,
    node_us: parts.reduce((sum, part) => sum + part.nodeUs, 0) / TASKS,
    ...(workers === 1
      ? { first_tasks_per_s: (FIRST / (parts[0].firstAt - parts[0].startedAt)) * 1_000 }
      : {}),
  };
}

export async function round(ctx) {
  const records = [];
  const systems = takenIn(ctx.round, [...ENGINES, ...FLOORS], ctx.asked(name, [ONE, TWO]));
  for (const system of rotate(systems, ctx.round)) {
    const one = await run(ctx, system, 1);
    const two = await run(ctx, system, 2);
    const record = (variant, metrics) => records.push({ workload: name, variant, system, metrics });
    record(ONE, one);
    record(TWO, two);
    record("two against one", { tasks_per_s_ratio: two.tasks_per_s / one.tasks_per_s });
  }
  return records;
}
