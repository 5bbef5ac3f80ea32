// Runs tasks in a fresh process, on a Redis with an append-only file that is synced every second.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "aof everysec";
export const rounds = (quick) => (quick ? 1 : 2);
const COUNT = 10_000;

export const round = (ctx) =>
  runTasks(ctx, {
    workload: name,
    systems: [...ENGINES, ...FLOORS],
    aof: true,
    phases: [
      { do: "bulk", count: COUNT, as: "ingest" },
      { do: "work", count: COUNT, concurrency: 50, as: "process at 50" },
    ],
  });
