// Writes the part of docs/scaling.md that is computed from costs.json.
import { readInput } from "./input.mjs";
import { plan } from "./model.mjs";
import { big, checkText, memory, percent, table } from "./print.mjs";

export const MARK = "<!-- scale-model: make scale-model CHECK=1 SAVE=1 writes the rest of this page -->";
const RATES = [1_000, 10_000, 50_000, 200_000, 1_000_000];
const LOADS = [
  { title: "One queue, handlers of 20 ms, 50 slots", env: {} },
  { title: "One queue, handlers of 20 ms, 500 slots", env: { CONCURRENCY: "500" } },
  {
    title: "32 queues, handlers of 20 ms, 500 slots, slots of the Cluster moved",
    env: { CONCURRENCY: "500", QUEUES: "32", EVEN: "1" },
  },
];

function loadTable(costs, { title, env }) {
  const rows = RATES.map((rate) => {
    const { needs, perTask, limit, input } = plan(costs, readInput({ RATE: String(rate), ...env }).input);
    return [
      big(rate),
      String(needs.nodes),
      String(needs.partitions),
      String(needs.workers),
      memory(needs.memoryMbPerNode),
      big(perTask.ingestRedisUs + perTask.processRedisUs),
      `${limit.name}, ${percent(limit.used)}${limit.used > input.busy ? ": too much" : ""}`,
    ];
  });
  const head = [
    "tasks/s",
    "nodes",
    "partitions",
    "workers",
    "memory of a node",
    "Redis µs per task",
    "the first limit",
  ];
  return `**${title}**\n\n${table(head, rows)}`;
}

function costTable(costs) {
  const row = (what, { calls, redisUs, nodeUs }) => [what, big(1 / calls), big(redisUs), big(nodeUs)];
  const rows = ["enqueue", "process"].flatMap((what) =>
    costs[what === "enqueue" ? "ingest" : what].map((point) => row(what, point)),
  );
  return table(["", "tasks in a call", "Redis µs per task", "Node µs per task"], rows);
}

const lines = (items) => items.map((item) => `- ${item}`).join("\n");

/** Returns the computed part of docs/scaling.md, which follows its mark. */
export function pageText(costs) {
  const { measuredOn, discovery, idlePerPart, pushed, key, bytes, perKb, check } = costs;
  return `
The costs were measured on ${measuredOn.date}: ${measuredOn.machine}, Node ${measuredOn.node}, Redis ${measuredOn.redis}; medians of ${measuredOn.rounds} rounds. The host gave ${percent(measuredOn.stolen ?? 0)} of the
CPU time to other guests meanwhile, and the load average was ${measuredOn.load.toFixed(1)} before.

${LOADS.map((load) => loadTable(costs, load)).join("\n\n")}

Payloads of 500 bytes, 100 tasks in an enqueue, a minute of backlog, 10,000 kept tasks for each part.

### The costs

${costTable(costs)}

${lines([
  `Each further KiB of payload adds ${big(perKb.ingestRedisUs + perKb.processRedisUs)} µs of Redis, ${big(perKb.ingestNodeUs + perKb.processNodeUs)} µs of Node and ${big(perKb.bytes)} bytes of memory.`,
  `A waiting task takes ${big(bytes.waiting)} bytes, a completed one that is kept ${big(bytes.kept)}.`,
  `A task that is enqueued alone and wakes an idle worker costs ${big(pushed.redisUs)} µs of Redis and ${big(pushed.nodeUs)} µs of Node, the end of the task included.`,
  `An idle worker costs Redis ${big(idlePerPart.redisUsPerS)} µs a second for each part that it works on, and itself ${big(idlePerPart.nodeUsPerS)} µs.`,
  `A look at one more key in a call costs Redis ${big(key.redisUs)} µs. A key with a limit of one task at a time runs ${big(key.oneAtATimePerS)} empty tasks a second.`,
  `With ${big(discovery.queues)} idle queues, a sweep of a janitor takes ${big(discovery.sweepMs / 1_000)} s, and observability needs ${big(discovery.lookMs / 1_000)} s to read them all.`,
])}

### The model against this machine

One producer and one worker process with 50 slots run empty tasks as fast as they can, beside the Redis nodes, all on the same
cores. The model adds up the CPU time that a task takes in all of them, and divides 80% of the cores by it: processes that wait for one
another do not use a core or a thread all the time. If one thread needs all of its time before that, this thread is the limit.

${checkText(check)}
`;
}
