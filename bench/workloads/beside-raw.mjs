// As `steady`, without the peers: our own µs, and the way to the floor, in more rounds.
import { OURS } from "../harness/verdict.mjs";
import { runWarm } from "./tasks.mjs";

export const name = "beside raw";
export const rounds = (quick) => (quick ? 1 : 7);
export const round = (ctx) => runWarm(ctx, name, [OURS, "raw"]);
