// Measures the same as `steady`, in more rounds and without the peers: our own time, and how much slower we are than
// raw Redis commands.
import { OURS } from "../harness/verdict.mjs";
import { runWarm } from "./tasks.mjs";

export const name = "beside raw";
export const rounds = (quick) => (quick ? 1 : 7);
export const round = (ctx) => runWarm(ctx, name, [OURS, "raw"]);
