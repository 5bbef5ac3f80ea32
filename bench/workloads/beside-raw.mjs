// Measures the same as `steady` in more rounds without the peers: our own µs, and our distance from the floor.
import { OURS } from "../harness/verdict.mjs";
import { runWarm } from "./tasks.mjs";

export const name = "beside raw";
export const rounds = (quick) => (quick ? 1 : 7);
export const round = (ctx) => runWarm(ctx, name, [OURS, "raw"]);
