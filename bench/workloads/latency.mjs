// From the enqueue to the start of the handler, at 200 tasks/s with a worker that is idle.
import { fileURLToPath } from "node:url";

export const name = "latency";
export const rounds = (quick) => (quick ? 1 : 5);

const file = fileURLToPath(new URL("latency/run.mjs", import.meta.url));

/** Variants "idle" and "beside a loaded queue": on the second, a Holdfast queue is under full load on the same Redis. */
export async function round(ctx) {
  const records = [];
  for (const loaded of [false, true]) {
    const variant = loaded ? "beside a loaded queue" : "idle";
    // The other variants are measured once, with fewer samples.
    const asked = [...ctx.asked(name, [variant])];
    const { systems, loadPerSecond } = await ctx.runNode(file, {
      url: ctx.redis.url,
      round: ctx.round,
      loaded,
      ...(ctx.round > 0 ? { only: asked } : {}),
      asked,
      // For each system: slices of half a second, 1,000 samples (400 in the quick run, and in variants that no target
      // reads).
      slices: ctx.quick ? 4 : 10,
      slicesNotAsked: 4,
      perSlice: 100,
    });
    for (const [system, metrics] of Object.entries(systems)) {
      records.push({ workload: name, variant, system, metrics });
    }
    if (loaded)
      records.push({
        workload: name,
        variant,
        system: "the load",
        metrics: { tasksPerSecond: loadPerSecond },
      });
  }
  return records;
}
