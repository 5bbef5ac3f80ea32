// Writes a plan and the results of a check as text.

/** The highest load average for a measurement. Costs that were measured at a higher one are too high. */
const BUSY_LOAD = 1.5;
export const big = (value) =>
  (value >= 100 ? Math.round(value) : Number(value.toPrecision(3))).toLocaleString("en-US");
export const percent = (share) => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`;
export const memory = (mb) => (mb >= 1_000 ? `${big(mb / 1_000)} GB` : `${big(mb)} MB`);
const rows = (pairs) => pairs.map(([name, text]) => `  ${name.padEnd(36)}${text}`).join("\n");

/** Returns a Markdown table, with the columns aligned as the formatter wants them. */
export function table(head, rows) {
  const widths = head.map((name, at) => Math.max(3, name.length, ...rows.map((cells) => cells[at].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(" | ")} |`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("\n");
}

/** Returns the sentence that names the nearest limit. */
export function limitLine({ limit, input }) {
  const at = Number.isFinite(limit.atRate) ? `, and about ${big(limit.atRate)} tasks/s use all of it` : "";
  const much = limit.used > 1 ? "too much" : limit.used > input.busy ? "close" : "enough room";
  return `The nearest limit is ${limit.name}: this load uses ${percent(limit.used)} of it (${much})${at}. Way out: ${limit.wayOut}.`;
}

export function planText(plan, measuredOn) {
  const { input, needs, perTask: cost, limits, fullestShare } = plan;
  return [
    `${big(input.rate)} tasks/s, payloads of ${big(input.payload)} bytes, handlers of ${input.handlerMs} ms`,
    `Costs measured on ${measuredOn.date}: ${measuredOn.machine}, Node ${measuredOn.node}, Redis ${measuredOn.redis}.`,
    ...(measuredOn.load > BUSY_LOAD
      ? [
          `The machine was busy then (load average ${measuredOn.load.toFixed(1)}), so the costs are too high. Measure them again: make scale-model CHECK=1 SAVE=1`,
        ]
      : []),
    `The plan uses ${percent(input.busy)} of each core (BUSY). A handler itself counts with ${input.handlerCpuMs} ms of CPU time (HANDLER_CPU_MS).`,
    "",
    "What it needs",
    rows([
      ["Redis nodes (masters)", `${needs.nodes}, the fullest with ${percent(fullestShare)} of the tasks`],
      ...(needs.nodesIfEven < needs.nodes ? [["Redis nodes with EVEN=1", String(needs.nodesIfEven)]] : []),
      ["partitions of each queue", needs.partitions === 1 ? "none" : String(needs.partitions)],
      ["memory of the fullest node", `${memory(needs.memoryMbPerNode)}, a fork included`],
      ["network of the fullest node", `${big(needs.networkMbitPerNode)} Mbit/s`],
      ["connections of a node", big(needs.connectionsPerNode)],
      ["worker processes", `${needs.workers} with ${input.concurrency} slots`],
      ["producer processes", String(needs.producers)],
      ["janitors", `${needs.janitors}${needs.janitors > 2 ? ", each for its part of the queues" : ""}`],
      ["observability processes", String(needs.observability)],
      ["cores: Redis, Node", `${big(needs.redisCores)}, ${big(needs.nodeCores)}`],
      ["memory of the Node processes", memory(needs.processMemoryMb)],
    ]),
    "",
    "What a task costs",
    rows([
      [
        "tasks in one call: enqueue, settle",
        `${big(cost.tasksPerEnqueueCall)}, ${big(cost.tasksPerSettleCall)}`,
      ],
      ["Redis µs: enqueue, process", `${big(cost.ingestRedisUs)}, ${big(cost.processRedisUs)}`],
      ["Node µs: producer, worker", `${big(cost.ingestNodeUs)}, ${big(cost.processNodeUs)}`],
      [
        "bytes: waiting, kept, network",
        `${big(cost.waitingBytes)}, ${big(cost.keptBytes)}, ${big(cost.wireBytes)}`,
      ],
    ]),
    "",
    "Limits, the nearest first",
    rows(
      limits.map(({ name, used, wayOut }) => [
        percent(used),
        used > input.busy ? `${name}. Way out: ${wayOut}` : name,
      ]),
    ),
    "",
    limitLine(plan),
  ].join("\n");
}

export function checkText(results) {
  const head = [
    "",
    "predicted/s",
    "measured/s (least to most)",
    "difference",
    "within 20%",
    "CPU µs per task: predicted, measured",
    "the limit is",
  ];
  const lines = results.map(({ name, predicted, measured, difference, limit, predictedUs, measuredUs }) => [
    name,
    big(predicted),
    `${big(measured.median)} (${big(measured.min)} to ${big(measured.max)})`,
    `${difference > 0 ? "+" : ""}${percent(difference)}`,
    Math.abs(difference) <= 0.2 ? "yes" : "NO",
    `${big(predictedUs)}, ${big(measuredUs)}`,
    limit,
  ]);
  return table(head, lines);
}
