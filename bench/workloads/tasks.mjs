// Runs the workloads that measure tasks. Each system runs in a separate process. The order of the systems changes
// from round to round.
import { fileURLToPath } from "node:url";
import { takenIn } from "../harness/asked.mjs";

export const ENGINES = ["holdfast", "bullmq", "bull", "bee-queue"];
export const FLOORS = ["raw", "blmove"];
const runFile = fileURLToPath(new URL("../harness/task-run.mjs", import.meta.url));
const SEED = 7_919;

export const rotate = (items, round) => items.map((_, at) => items[(at + round) % items.length]);

/**
 * Returns the records of one round.
 * @param plan.phases the phases of harness/task-run.mjs; a phase with `as` makes a record for the variant with that
 * name
 */
export async function runTasks(ctx, { workload, systems, phases, aof = false, payloadBytes }) {
  const records = [];
  const variants = phases.flatMap((phase) => phase.as ?? []);
  const taken = takenIn(ctx.round, systems, ctx.asked(workload, variants));
  for (const system of rotate(taken, ctx.round)) {
    const results = await ctx.runNode(runFile, {
      system,
      url: (aof ? ctx.aofRedis : ctx.redis).url,
      payloadBytes,
      seed: SEED + ctx.round,
      phases: [{ do: "flush" }, ...phases, { do: "flush" }],
    });
    for (const [variant, metrics] of Object.entries(results)) {
      records.push({ workload, variant, system, metrics });
    }
  }
  return records;
}

/** Measures one round of a bulk ingest and of the processing of its tasks, after a small warm-up of both. */
export function runWarm(ctx, workload, systems) {
  const count = ctx.quick ? 30_000 : 100_000;
  return runTasks(ctx, {
    workload,
    systems,
    phases: [
      { do: "bulk", queue: "warm", count: 5_000 },
      { do: "work", queue: "warm", count: 5_000, concurrency: 50 },
      { do: "flush" },
      { do: "bulk", count, as: "ingest" },
      { do: "work", count, concurrency: 50, as: "process at 50" },
    ],
  });
}
