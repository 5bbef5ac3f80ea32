// Compares producer-api with a bare Fastify that sends one LPUSH per POST. A POST has a single task or a batch.
import { fileURLToPath } from "node:url";
import { rotate } from "./shared/children.mjs";

export const name = "http";
export const rounds = (quick) => (quick ? 1 : 2);

const VARIANTS = [
  { variant: "single, 100 connections", connections: 100, batch: 0 },
  { variant: "single, 1000 connections", connections: 1_000, batch: 0 },
  { variant: "batch of 100", connections: 100, batch: 100 },
];
const SYSTEMS = ["bare-fastify", "holdfast"];

const file = fileURLToPath(new URL("http/run.mjs", import.meta.url));

/**
 * Metrics: `requestsPerSecond`, `tasksPerSecond`, `serverMicros` (CPU time of the server per request), `p50Ms`,
 * `p99Ms`, `errors`.
 */
export async function round(ctx) {
  const records = [];
  const seconds = ctx.quick ? 2 : 4;
  for (const { variant, connections, batch } of VARIANTS) {
    // A variant that no target uses is measured in the first round only.
    if (connections > 100 && ctx.round > 0) continue;
    for (const system of rotate(SYSTEMS, ctx.round)) {
      const metrics = await ctx.runNode(file, { url: ctx.redis.url, system, connections, batch, seconds });
      records.push({ workload: name, variant, system, metrics });
    }
  }
  return records;
}
