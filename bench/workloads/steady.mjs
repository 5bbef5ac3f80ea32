// Ingests 100,000 tasks in bulk, then runs them at concurrency 50, in one process that is already warm.
import { ENGINES, FLOORS, runWarm } from "./tasks.mjs";

export const name = "steady";
export const rounds = (quick) => (quick ? 1 : 2);
export const round = (ctx) => runWarm(ctx, name, [...ENGINES, ...FLOORS]);
