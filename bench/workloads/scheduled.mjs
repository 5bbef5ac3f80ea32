// Runs tasks that are due 300 to 800 ms after their enqueue. The lateness is the time from due to the start of the
// handler.
import { ENGINES, runTasks } from "./tasks.mjs";

export const name = "scheduled";
export const rounds = (quick) => (quick ? 1 : 2);

export const round = (ctx) =>
  runTasks(ctx, {
    workload: name,
    systems: ENGINES,
    phases: [{ do: "scheduled", count: 5_000, spreadMs: 500, concurrency: 50, as: "scheduled" }],
  });
