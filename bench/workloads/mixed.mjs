// 100 producers enqueue tasks, one at a time each. Meanwhile the same process runs the tasks at concurrency 50.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "mixed";
export const rounds = (quick) => (quick ? 1 : 2);

export const round = (ctx) =>
  runTasks(ctx, {
    workload: name,
    systems: [...ENGINES, ...FLOORS],
    phases: [
      { do: "mixed", count: ctx.quick ? 5_000 : 10_000, producers: 100, concurrency: 50, as: "mixed" },
    ],
  });
