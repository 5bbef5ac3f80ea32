// Measures two worker processes with a concurrency of 50 each. They start together, and the measurement ends with the
// last task.
import { fileURLToPath } from "node:url";
import { ENGINES, FLOORS, rotate } from "./tasks.mjs";

export const name = "two workers";
export const rounds = (quick) => (quick ? 1 : 2);
const fillFile = fileURLToPath(new URL("../harness/task-run.mjs", import.meta.url));
const workFile = fileURLToPath(new URL("../harness/shared-work.mjs", import.meta.url));
const WORKERS = 2;
const START_IN_MS = 1_500;

export async function round(ctx) {
  const count = 20_000;
  const records = [];
  for (const system of rotate([...ENGINES, ...FLOORS], ctx.round)) {
    const { url } = ctx.redis;
    await ctx.runNode(fillFile, { system, url, phases: [{ do: "flush" }, { do: "bulk", count }] });
    const startAt = Date.now() + START_IN_MS;
    const parts = await Promise.all(
      Array.from({ length: WORKERS }, () => ctx.runNode(workFile, { system, url, concurrency: 50, startAt })),
    );
    const handled = parts.reduce((sum, part) => sum + part.done, 0);
    if (handled !== count)
      throw new Error(`${system}: ${count} tasks, ${handled} settled by ${WORKERS} workers`);
    const ms =
      Math.max(...parts.map((part) => part.lastAt)) - Math.min(...parts.map((part) => part.startedAt));
    const nodeUs = parts.reduce((sum, part) => sum + part.nodeUs, 0) / count;
    const metrics = { tasks_per_s: (count / ms) * 1_000, node_us: nodeUs };
    records.push({ workload: name, variant: "process at 2 x 50", system, metrics });
  }
  return records;
}
