// Compares with BullMQ: a flow of many children, and one task that runs when all children have completed. Costs are per
// child.
import { runTasks } from "./tasks.mjs";

export const name = "flows";
export const rounds = (quick) => (quick ? 1 : 3);

const SYSTEMS = ["holdfast", "bullmq"];
const sizesOf = (quick) => ({ "a small flow": 10_000, "a large flow": quick ? 30_000 : 100_000 });

export async function round(ctx) {
  const records = [];
  for (const [label, children] of Object.entries(sizesOf(ctx.quick))) {
    const made = await runTasks(ctx, {
      workload: name,
      systems: SYSTEMS,
      phases: [
        { do: "flow", queue: "warm", count: 2_000 },
        { do: "work", queue: "warm", count: 2_001, concurrency: 50 },
        { do: "flush" },
        { do: "flow", count: children, as: `${label}: store` },
        { do: "work", count: children + 1, concurrency: 50, as: `${label}: run` },
      ],
    });
    const msOf = (system) =>
      made.reduce((sum, record) => sum + (record.system === system ? record.metrics.ms : 0), 0);
    const whole = SYSTEMS.map((system) => ({
      workload: name,
      variant: `${label}: store and run`,
      system,
      metrics: {
        children,
        tasks_per_s: (1_000 * children) / msOf(system),
        child_us: (1_000 * msOf(system)) / children,
      },
    }));
    records.push(...made, ...whole);
  }
  return records;
}
