// Runs 10,000 tasks in a fresh process, whose code is not yet compiled.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "cold";
export const rounds = (quick) => (quick ? 1 : 2);
const COUNT = 10_000;

export async function round(ctx) {
  const systems = [...ENGINES, ...FLOORS];
  const records = [];
  for (const concurrency of [1, 10, 50, 200]) {
    // A variant that no target uses is measured in the first round only.
    if (ctx.round > 0 && ctx.asked(name, [`process at ${concurrency}`]).size === 0) continue;
    records.push(
      ...(await runTasks(ctx, {
        workload: name,
        systems,
        phases: [
          { do: "bulk", count: COUNT, ...(concurrency === 50 ? { as: "ingest" } : {}) },
          { do: "work", count: COUNT, concurrency, as: `process at ${concurrency}` },
        ],
      })),
    );
  }
  return records;
}
