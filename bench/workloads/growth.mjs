// Measures, for Holdfast alone, whether a task costs more if more tasks wait, and how many bytes a waiting task takes.
import { fileURLToPath } from "node:url";

export const name = "growth";
export const rounds = () => 1;
const file = fileURLToPath(new URL("../harness/growth-run.mjs", import.meta.url));

export async function round(ctx) {
  const results = await ctx.runNode(file, {
    url: ctx.redis.url,
    sizes: [1_000, 10_000, 100_000, ctx.quick ? 300_000 : 1_000_000],
    // With fewer samples, the medians would differ even if the cost does not grow.
    samples: 45,
  });
  return Object.entries(results).map(([variant, metrics]) => ({
    workload: name,
    variant,
    system: "holdfast",
    metrics,
  }));
}
