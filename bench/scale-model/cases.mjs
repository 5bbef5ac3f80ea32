// Lists the cases of a check, and predicts their throughput. These functions do no I/O.
import { fullestShare, slotOf, tagsOf } from "./cluster-slots.mjs";
import { predict } from "./model.mjs";

export const LOAD = {
  payload: 96,
  handlerMs: 0,
  handlerCpuMs: 0,
  concurrency: 50,
  batch: 1_000,
  keys: 0,
  rttMs: 0.1,
  busy: 0.6,
};
const SLOW_MS = 20;

export const CASES = [
  { name: "one node", nodes: 1, partitions: 1 },
  { name: `one node, handlers of ${SLOW_MS} ms`, nodes: 1, partitions: 1, load: { handlerMs: SLOW_MS } },
  ...[1, 2, 4, 8].map((partitions) => ({
    name: `Cluster of 3, ${partitions === 1 ? "1 partition" : `${partitions} partitions`}`,
    nodes: 3,
    partitions,
  })),
];

/** Predicts the throughput of a case on a machine with `cores` cores. */
export function predictCase(costs, { nodes, partitions, load }, cores) {
  const share = fullestShare(tagsOf(1, partitions === 1 ? 0 : partitions).map(slotOf), nodes);
  return predict(costs, { cores, share, ...LOAD, ...load, partitions });
}
