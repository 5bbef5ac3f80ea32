// Sends 10,000 single enqueues at once in a fresh process, whose code is not yet compiled.
import { ENGINES, FLOORS, runTasks } from "./tasks.mjs";

export const name = "singles";
export const rounds = (quick) => (quick ? 1 : 7);

export const round = (ctx) =>
  runTasks(ctx, {
    workload: name,
    systems: [...ENGINES, ...FLOORS],
    phases: [{ do: "single", count: 10_000, as: "single enqueues" }],
  });
