// 10,000 tasks in a fresh process: its code is not compiled yet.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "cold";
export const rounds = (quick) => (quick ? 1 : 2);
const COUNT = 10_000;

export async function round(ctx) {
  const systems = [...ENGINES, ...FLOORS];
  const records = [];
  // The targets read the first two: the others are measured once.
  for (const concurrency of ctx.round === 0 ? [1, 10, 50, 200] : [1, 10]) {
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
