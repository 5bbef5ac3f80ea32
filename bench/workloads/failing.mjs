// Runs tasks until each of them is completed or dead. One attempt in five fails. A task has at most three attempts, and
// is retried at once.
import { ENGINES, runTasks } from "./tasks.mjs";

export const name = "failing";
export const rounds = (quick) => (quick ? 1 : 5);
const COUNT = 10_000;

export const round = (ctx) =>
  runTasks(ctx, {
    workload: name,
    systems: ENGINES,
    phases: [
      { do: "bulk", count: COUNT, retries: 2 },
      { do: "work", count: COUNT, concurrency: 50, failing: 0.2, as: "20% failing" },
    ],
  });
