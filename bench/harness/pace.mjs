// The targets in µs were set on another machine. This file compares that machine with this one, by means of the
// peers, which were measured on both. No verdict depends on the comparison.
import { summary, valuesOf } from "./statistics.mjs";

/** The time per task of the peers on the machine where the targets were set, µs: medians of five rounds. */
const SET_ON = {
  ingest: {
    redis_us: { bullmq: 23.3, bull: 16.0, "bee-queue": 7.9 },
    node_us: { bullmq: 35, bull: 36, "bee-queue": 10.5 },
  },
  "process at 50": {
    redis_us: { bullmq: 63.0, bull: 37.7, "bee-queue": 38.6 },
    node_us: { bullmq: 66, bull: 63, "bee-queue": 61.5 },
  },
};

/**
 * Returns three values for each result in µs: our time on this machine, how much slower this machine is than the
 * other one, and our time at the speed of the other one. The peer that has slowed down least decides how much slower
 * this machine is.
 */
export function paces(records) {
  return Object.entries(SET_ON).flatMap(([variant, metrics]) =>
    Object.entries(metrics).flatMap(([metric, peers]) => {
      const what = { workload: "steady", variant, metric };
      const ours = valuesOf(records, { ...what, system: "holdfast" });
      const slower = new Map();
      for (const [system, there] of Object.entries(peers))
        for (const [round, here] of valuesOf(records, { ...what, system }))
          slower.set(round, Math.min(slower.get(round) ?? Number.POSITIVE_INFINITY, here / there));
      const rounds = [...slower.keys()].filter((round) => ours.has(round));
      if (rounds.length === 0) return [];
      const of = (figure) => summary(rounds.map(figure));
      return [
        {
          variant,
          metric,
          here: of((round) => ours.get(round)),
          slower: of((round) => slower.get(round)),
          atPace: of((round) => ours.get(round) / slower.get(round)),
        },
      ];
    }),
  );
}
