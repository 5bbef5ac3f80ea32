// 100,000 tasks, ingested in bulk, then processed at concurrency 50 by one process that is warm.
import { ENGINES, FLOORS, runWarm } from "./tasks.mjs";

export const name = "steady";
export const rounds = (quick) => (quick ? 1 : 2);
export const round = (ctx) => runWarm(ctx, name, [...ENGINES, ...FLOORS]);
