// Compares limits with those of the peers: one task of a key at a time (groupmq), and rate and concurrency of a queue
// (bullmq). Every run also reports how well the limit was kept, by the starts of the handlers: the most tasks at one
// time, and the most starts in any second.
import { fileURLToPath } from "node:url";
import { OURS } from "../harness/verdict.mjs";
import { rotate } from "./tasks.mjs";

export const name = "limits";
export const rounds = (quick) => (quick ? 1 : 5);

const file = fileURLToPath(new URL("../harness/limits-run.mjs", import.meta.url));
const ONE_OF_A_KEY = { key: { concurrency: 1 } };
const rateOf = (burst) => ({ queue: { rate: { limit: 500, periodMs: 1_000, burst } } });
// bullmq has no setting for a burst. It allows all starts of a window at once.
const BURST = { holdfast: 50, bullmq: 1 };

/**
 * - count: how many tasks; the quick run has half as many
 * - options: see harness/limits-run.mjs
 * - limitsOf: returns the limits for a system
 */
const VARIANTS = [
  ...[10, 1_000].map((keys) => ({
    variant: `one task of a key at a time, ${keys} keys`,
    systems: [OURS, "groupmq"],
    count: 20_000,
    options: { keys },
    limitsOf: () => ONE_OF_A_KEY,
  })),
  {
    variant: "10 tasks at a time, handlers of 5 ms",
    systems: [OURS, "bullmq"],
    count: 4_000,
    options: { handlerMs: 5, workers: 2 },
    limitsOf: () => ({ queue: { concurrency: 10 } }),
  },
  {
    variant: "500 starts a second, all waiting",
    systems: [OURS, "bullmq"],
    count: 2_000,
    options: { workers: 2 },
    limitsOf: (system) => rateOf(BURST[system]),
  },
  {
    variant: "500 starts a second, evenly spaced",
    systems: [OURS],
    count: 2_000,
    options: { workers: 2 },
    limitsOf: () => rateOf(1),
  },
  {
    // The first task opens a window of one second. The other tasks are enqueued shortly before the end of that window.
    variant: "500 starts a second, one early",
    systems: [OURS, "bullmq"],
    count: 1_501,
    options: { workers: 2, first: 1, restAfterMs: 900 },
    limitsOf: (system) => rateOf(BURST[system]),
  },
];

export async function round(ctx) {
  const records = [];
  for (const { variant, systems, count, options, limitsOf } of VARIANTS) {
    const measured = new Map();
    for (const system of rotate(systems, ctx.round)) {
      const metrics = await ctx.runNode(file, {
        system,
        url: ctx.redis.url,
        count: ctx.quick ? Math.ceil(count / 2) : count,
        limits: limitsOf(system),
        ...options,
      });
      measured.set(system, metrics);
      records.push({ workload: name, variant, system, metrics });
    }
    const [ours, theirs] = systems.map((system) => measured.get(system));
    if (theirs) {
      const ratios = {
        tasks_per_s: ours.tasks_per_s / theirs.tasks_per_s,
        total_us: ours.total_us / theirs.total_us,
      };
      records.push({ workload: name, variant, system: `ours divided by ${systems[1]}`, metrics: ratios });
    }
  }
  return records;
}
