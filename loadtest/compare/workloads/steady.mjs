// 100,000 tasks, ingested in bulk, then processed at concurrency 50 by one process that is warm.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "steady";
export const rounds = (quick) => (quick ? 1 : 2);

export const runSteady = (ctx, workload, systems) => {
  const count = ctx.quick ? 30_000 : 100_000;
  return runTasks(ctx, {
    workload,
    systems,
    phases: [
      { do: "bulk", queue: "warm", count: 5_000 },
      { do: "work", queue: "warm", count: 5_000, concurrency: 50 },
      { do: "flush" },
      { do: "bulk", count, as: "ingest" },
      { do: "work", count, concurrency: 50, as: "process at 50" },
    ],
  });
};

export const round = (ctx) => runSteady(ctx, name, [...ENGINES, ...FLOORS]);
