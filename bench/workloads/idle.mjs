// Measures the costs of an idle system: CPU time and memory of each service, and of Redis, with one queue and with
// 1,000 queues.
import { fileURLToPath } from "node:url";

export const name = "idle";
export const rounds = () => 1;

const file = fileURLToPath(new URL("idle/run.mjs", import.meta.url));

/**
 * Metrics: `cpu_percent` of a core and `rss_mb` for each service and for Redis, and `commands_per_s` of Redis. If
 * Docker has an image of a service, there is also `image_mb`.
 */
export async function round(ctx) {
  const records = [];
  for (const queues of [1, 1_000]) {
    const variant = queues === 1 ? "one queue" : `${queues.toLocaleString("en-US")} queues`;
    const services = await ctx.runNode(file, { url: ctx.redis.url, queues, seconds: ctx.quick ? 10 : 45 });
    for (const [service, metrics] of Object.entries(services))
      records.push({ workload: name, variant: `${service}, ${variant}`, system: "holdfast", metrics });
  }
  return records;
}
