// Compares, for Holdfast alone, batch handlers that do nothing with single handlers that do nothing, on the same number
// of slots.
import { OURS } from "../harness/verdict.mjs";
import { rotate, runTasks } from "./tasks.mjs";

export const name = "batches";
export const rounds = (quick) => (quick ? 1 : 5);

const SINGLE = "single handlers";
const BATCHES = "batches of 500";
const SLOTS = 1_000;

export async function round(ctx) {
  const count = ctx.quick ? 30_000 : 100_000;
  const processed = new Map();
  const records = [];
  for (const label of rotate([SINGLE, BATCHES], ctx.round)) {
    const batchOf = label === BATCHES ? 500 : undefined;
    const work = { do: "work", concurrency: SLOTS, batchOf };
    const made = await runTasks(ctx, {
      workload: name,
      systems: [OURS],
      phases: [
        { do: "bulk", queue: "warm", count: 5_000 },
        { ...work, queue: "warm", count: 5_000 },
        { do: "flush" },
        { do: "bulk", count, as: `ingest, ${label}` },
        { ...work, count, as: `process at ${SLOTS}, ${label}` },
      ],
    });
    records.push(...made);
    processed.set(label, made.at(-1).metrics);
  }
  const ratio = processed.get(BATCHES).tasks_per_s / processed.get(SINGLE).tasks_per_s;
  const variant = `${BATCHES} against ${SINGLE}`;
  return [...records, { workload: name, variant, system: OURS, metrics: { tasks_per_s_ratio: ratio } }];
}
