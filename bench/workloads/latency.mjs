// Measures the time from the enqueue of a task to the start of its handler. There are 200 tasks/s and an idle worker.
import { fileURLToPath } from "node:url";

export const name = "latency";
export const rounds = (quick) => (quick ? 1 : 5);

const file = fileURLToPath(new URL("latency/run.mjs", import.meta.url));

/** In the variant "beside a loaded queue", another Holdfast queue on the same Redis is under full load. */
export async function round(ctx) {
  const records = [];
  for (const loaded of [false, true]) {
    const variant = loaded ? "beside a loaded queue" : "idle";
    // Systems that no target uses are measured only in the first round.
    const asked = [...ctx.asked(name, [variant])];
    const { systems, loadPerSecond } = await ctx.runNode(file, {
      url: ctx.redis.url,
      round: ctx.round,
      loaded,
      ...(ctx.round > 0 ? { only: asked } : {}),
      asked,
      // A slice lasts half a second. A system gets 1,000 samples. It gets only 400 if no target uses it, or if the
      // run is quick.
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
