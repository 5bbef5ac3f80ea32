// Measures the memory of one worker process over a long run. It must not grow.
import { fileURLToPath } from "node:url";

export const name = "worker-memory";
export const rounds = () => 1;

const file = fileURLToPath(new URL("worker-memory/run.mjs", import.meta.url));

/**
 * The metrics are RSS and used heap in MB, each after a full collection: early (after the warm-up), late in the run,
 * and the late value divided by the early one.
 */
export async function round(ctx) {
  const tasks = ctx.quick ? 150_000 : 1_000_000;
  const metrics = await ctx.runNode(file, { url: ctx.redis.url, tasks, chunks: 20, warmChunks: 4 });
  return [{ workload: name, variant: `${tasks} tasks`, system: "holdfast", metrics }];
}
