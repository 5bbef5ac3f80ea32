// Measures, for Holdfast alone, what keys cost. It runs 100,000 tasks at concurrency 50 as in `steady`, with different
// numbers of keys.
import { OURS } from "../harness/verdict.mjs";
import { rotate, runTasks } from "./tasks.mjs";

export const name = "keys";
export const rounds = (quick) => (quick ? 1 : 5);

const NO_KEY = "no key";
const HUNDRED = "100 keys";
const OWN = "a key for each task";
// These limits are checked for every task, but they are so high that they hold no task back.
const UNREACHED = { concurrency: 1_000_000, rate: { limit: 1_000_000, periodMs: 1_000, burst: 1_000_000 } };

const variantsOf = (count) => [
  { label: NO_KEY },
  { label: "10 keys", keys: 10 },
  { label: "10 keys with limits", keys: 10, limits: { key: UNREACHED } },
  { label: "10 keys, 5 tasks of each at a time", keys: 10, limits: { key: { concurrency: 5 } } },
  { label: HUNDRED, keys: 100 },
  { label: OWN, keys: count },
];

/** Pairs of variants. The value of one is divided by the value of the other in the same round. */
const RATIOS = [
  { of: "10 keys", to: NO_KEY, metric: "tasks_per_s" },
  { of: "10 keys with limits", to: NO_KEY, metric: "tasks_per_s" },
  { of: OWN, to: NO_KEY, metric: "tasks_per_s" },
  { of: OWN, to: HUNDRED, metric: "redis_us" },
];

export async function round(ctx) {
  const count = ctx.quick ? 30_000 : 100_000;
  const variants = variantsOf(count);
  const processed = new Map();
  const records = [];
  for (const { label, keys, limits } of rotate(variants, ctx.round)) {
    const made = await runTasks(ctx, {
      workload: name,
      systems: [OURS],
      phases: [
        { do: "bulk", queue: "warm", count: 5_000, keys },
        { do: "work", queue: "warm", count: 5_000, concurrency: 50 },
        { do: "flush" },
        ...(limits ? [{ do: "limit", limits }] : []),
        { do: "bulk", count, keys, as: `ingest, ${label}` },
        { do: "work", count, concurrency: 50, as: `process at 50, ${label}` },
      ],
    });
    records.push(...made);
    processed.set(label, made.at(-1).metrics);
  }
  const ratios = RATIOS.map(({ of, to, metric }) => ({
    workload: name,
    variant: `${of} against ${to}`,
    system: OURS,
    metrics: { [`${metric}_ratio`]: processed.get(of)[metric] / processed.get(to)[metric] },
  }));
  return [...records, ...ratios];
}
