// As `steady`, without the peers: our own µs, and the way to the floor, in more rounds.
import { OURS } from "../harness/verdict.mjs";
import { runSteady } from "./steady.mjs";

export const name = "beside raw";
export const rounds = (quick) => (quick ? 1 : 7);
export const round = (ctx) => runSteady(ctx, name, [OURS, "raw"]);
