// Measures how much faster 8 worker processes drain a queue than 1. Handlers take 10 ms, and each worker has a
// concurrency of 10. `make scale-benchmark` measures the same on the running system.
import { fileURLToPath } from "node:url";
import { rotate } from "./shared/children.mjs";

export const name = "scale";
export const rounds = (quick) => (quick ? 1 : 2);

const file = fileURLToPath(new URL("scale/run.mjs", import.meta.url));

/** Metrics: `tasksPerSecond` of "1 worker" and "8 workers", and `ratio` of "8 against 1". */
export async function round(ctx) {
  const rates = {};
  for (const workers of rotate([1, 8], ctx.round)) {
    const { tasksPerSecond } = await ctx.runNode(file, {
      url: ctx.redis.url,
      workers,
      tasks: workers * (ctx.quick ? 2_000 : 5_000),
    });
    rates[workers] = tasksPerSecond;
  }
  const record = (variant, metrics) => ({ workload: name, variant, system: "holdfast", metrics });
  return [
    record("1 worker", { tasksPerSecond: rates[1] }),
    record("8 workers", { tasksPerSecond: rates[8] }),
    record("8 against 1", { ratio: rates[8] / rates[1] }),
  ];
}
