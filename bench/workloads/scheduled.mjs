// Runs tasks that are due 300 to 800 ms after their enqueue. Their lateness is the time from when a task is due to the
// start of its handler.
import { ENGINES, runTasks } from "./tasks.mjs";

export const name = "scheduled";
export const rounds = (quick) => (quick ? 1 : 2);

export const round = (ctx) =>
  runTasks(ctx, {
    workload: name,
    systems: ENGINES,
    phases: [{ do: "scheduled", count: 5_000, spreadMs: 500, concurrency: 50, as: "scheduled" }],
  });
