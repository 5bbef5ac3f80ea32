// Like `steady`, without the peers and in more rounds: our own µs, and the distance to the floor.
import { OURS } from "../harness/verdict.mjs";
import { runWarm } from "./tasks.mjs";

export const name = "beside raw";
export const rounds = (quick) => (quick ? 1 : 7);
export const round = (ctx) => runWarm(ctx, name, [OURS, "raw"]);
