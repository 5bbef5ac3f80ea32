// The table of targets as data. Each row has one or more figures. A figure has a value that it has to reach ("must")
// and a goal ("stretch"). The kinds of figures are:
//
//   ratio: our value divided by theirs, by round    value: our value alone    flat: the largest divided by the smallest
const ratio = (against, must, stretch, of) => ({ kind: "ratio", against, must, stretch, ...of });
const value = (must, stretch, of) => ({ kind: "value", must, stretch, atMost: true, ...of });

const ingest = { workload: "steady", variant: "ingest", metric: "tasks_per_s" };
const process50 = { workload: "steady", variant: "process at 50", metric: "tasks_per_s" };
// This workload is `steady` without the other libraries, which take ten times as long. Without them, there is time
// for more rounds.
const besideRaw = (figure) => ({ ...figure, workload: "beside raw" });
const single = { workload: "singles", variant: "single enqueues", metric: "tasks_per_s" };
const failing = { workload: "failing", variant: "20% failing", metric: "tasks_per_s" };
const cold = (concurrency) => ({
  workload: "cold",
  variant: `process at ${concurrency}`,
  metric: "tasks_per_s",
});
const twoWorkers = (variant) => ({ workload: "two workers", variant });
const latency = (variant, metric) => ({ workload: "latency", variant, metric, atMost: true });
const http = (variant) => ({ workload: "http", variant, metric: "requestsPerSecond" });
const bytes = (metric, must, stretch) =>
  value(must, stretch, { workload: "growth", variant: "bytes", metric });

const latencyFigures = (variant) =>
  ["p50Ms", "p99Ms"].flatMap((metric) => [
    ratio("bee-queue", 1.2, 1, latency(variant, metric)),
    ratio("blmove", 2, 1.5, latency(variant, metric)),
  ]);

/**
 * A figure of the workload `keys`: the value of one variant of Holdfast, divided by the value of another in the same
 * round.
 */
const keyRatio = (of, to, metric, must, stretch, atMost = false) =>
  value(must, stretch, {
    workload: "keys",
    variant: `${of} against ${to}`,
    metric: `${metric}_ratio`,
    unit: `x ${to}`,
    atMost,
  });
const limits = (variant, metric) => ({ workload: "limits", variant, metric });

const demo = (variant) => ({ workload: "demo", variant, metric: "ingest_ms", unit: "ms" });
const instructions = (metric) => ({ workload: "instructions", variant: "checks of flow control", metric });

const PEERS = ["bullmq", "bull", "bee-queue"];

/** `against: "best peer"` compares Holdfast with the fastest of the three peers in each round. */
export const targets = [
  {
    row: "bulk ingest",
    figures: [
      ratio("bullmq", 8, 12, ingest),
      ratio("bee-queue", 2.5, 3.9, ingest),
      ratio("raw", 0.4, 0.5, besideRaw(ingest)),
    ],
  },
  {
    row: "10,000 concurrent single enqueues",
    figures: [
      ratio("bullmq", 8, 13, single),
      ratio("bee-queue", 2.5, 3.7, single),
      value(120, 60, { ...single, metric: "ms", unit: "ms" }),
    ],
  },
  {
    row: "process, concurrency 50",
    figures: [
      ratio("bullmq", 3.5, 7, process50),
      ratio("best peer", 3, 6, process50),
      ratio("raw", 0.25, 0.5, besideRaw(process50)),
    ],
  },
  { row: "process, concurrency 1", figures: [ratio("bullmq", 1.7, 2.4, cold(1))] },
  { row: "process, concurrency 10", figures: [ratio("bullmq", 3, 4, cold(10))] },
  {
    row: "two workers against one, 10,000 tasks, processes that have just started",
    figures: [
      value(1, 1.4, {
        ...twoWorkers("two against one"),
        metric: "tasks_per_s_ratio",
        unit: "x one",
        atMost: false,
      }),
    ],
  },
  {
    row: "the first 1,000 tasks of a worker process that has just started",
    figures: [ratio("best peer", 2, 4, { ...twoWorkers("process at 50"), metric: "first_tasks_per_s" })],
  },
  {
    row: "20% failing, drained",
    figures: [ratio("bullmq", 5, 9.9, failing), ratio("bee-queue", 3, 6, failing)],
  },
  {
    row: "Redis µs per task: ingest, process",
    figures: [
      value(3, 2.2, { ...besideRaw(ingest), metric: "redis_us", unit: "µs" }),
      value(11, 6, { ...besideRaw(process50), metric: "redis_us", unit: "µs" }),
    ],
  },
  {
    row: "Node µs per task: ingest, process",
    figures: [
      value(5, 3, { ...besideRaw(ingest), metric: "node_us", unit: "µs" }),
      value(12, 6, { ...besideRaw(process50), metric: "node_us", unit: "µs" }),
    ],
  },
  {
    row: "client calls per task at concurrency 50",
    figures: [value(0.1, 0.02, { ...besideRaw(process50), metric: "client_calls", unit: "calls" })],
  },
  {
    row: "bytes per task: waiting, completed with payload, without",
    figures: [
      bytes("waiting", 220, 200),
      bytes("completed_with_payload", 450, 340),
      bytes("completed_without_payload", 180, 150),
    ].map((figure) => ({ ...figure, unit: "B" })),
  },
  {
    row: "1,000,000 waiting tasks of 96 bytes",
    figures: [
      value(220, 200, {
        workload: "growth",
        variant: /^bytes, \d/,
        metric: "megabytes",
        unit: "MB",
      }),
    ],
  },
  { row: "latency to the start of the handler, idle", figures: latencyFigures("idle") },
  { row: "latency, a second queue under full load", figures: latencyFigures("beside a loaded queue") },
  {
    row: "HTTP single, batch of 100",
    figures: [
      ratio("bare-fastify", 0.9, 1.1, http("single, 100 connections")),
      ratio("bare-fastify", 0.8, 0.9, http("batch of 100")),
    ],
  },
  {
    row: "cost from 1,000 waiting to the most: ingest, process",
    figures: ["ingest", "process"].map((what) => ({
      kind: "flat",
      workload: "growth",
      variant: new RegExp(`^${what}, `),
      metric: "total_us",
      must: 1.3,
      stretch: 1.1,
      atMost: true,
    })),
  },
  {
    row: "8 workers against 1",
    figures: [
      value(7, 7.9, { workload: "scale", variant: "8 against 1", metric: "ratio", atMost: false, unit: "x" }),
    ],
  },
  {
    row: "CPU of an idle worker process, % of a core",
    figures: [
      value(0.5, 0.2, { workload: "idle", variant: "worker, one queue", metric: "cpu_percent", unit: "%" }),
    ],
  },
  {
    row: "process at 50: 10 keys with concurrency and rate limits",
    figures: [keyRatio("10 keys with limits", "no key", "tasks_per_s", 0.7, 0.9)],
  },
  {
    row: "Redis µs to process a task: a key for each of 100,000 tasks",
    figures: [keyRatio("a key for each task", "100 keys", "redis_us", 1.5, 1.2, true)],
  },
  {
    row: "instructions of Redis, features that are not used: enqueue, settle and acquire",
    figures: ["unusedEnqueuePercent", "unusedSettlePercent"].map((metric) =>
      value(1, 0.3, { ...instructions(metric), unit: "% more" }),
    ),
  },
  {
    row: "instructions of an acquire of 250: 100,000 keys wait, against 100",
    figures: [value(1.5, 1.2, { ...instructions("manyKeysRatio"), unit: "x 100 keys" })],
  },
  {
    row: "make demo with 8 workers, ingest of 10,000: first run, workers running",
    figures: [value(631, 400, demo("first run")), value(500, 300, demo("workers running"))],
  },
  {
    row: "empty batch handlers against single ones, 1,000 slots",
    figures: [
      value(1, 1.2, {
        workload: "batches",
        variant: "batches of 500 against single handlers",
        metric: "tasks_per_s_ratio",
        unit: "x single handlers",
        atMost: false,
      }),
    ],
  },
  {
    row: "one task of a key at a time: 10 keys, 1,000 keys",
    figures: [10, 1_000].map((keys) =>
      ratio("groupmq", 1, 2, limits(`one task of a key at a time, ${keys} keys`, "tasks_per_s")),
    ),
  },
  {
    row: "10 tasks of a queue at a time, handlers of 5 ms",
    figures: [ratio("bullmq", 0.9, 1.2, limits("10 tasks at a time, handlers of 5 ms", "tasks_per_s"))],
  },
  {
    row: "limits kept: tasks of a key, tasks of a queue, starts in a second",
    figures: [
      value(1, 1, { ...limits("one task of a key at a time, 10 keys", "most_at_once"), unit: "at a time" }),
      value(10, 10, { ...limits("10 tasks at a time, handlers of 5 ms", "most_at_once"), unit: "at a time" }),
      // The rate allows 500 starts and a burst of 50 in one second. The test counts starts of handlers, which come
      // some ms after the grants. So there can be a few more in one second.
      value(560, 550, { ...limits("500 starts a second, one early", "most_in_1_s"), unit: "starts" }),
    ],
  },
  {
    row: "a flow of 10,000 and of 100,000 children, stored and run",
    figures: ["a small flow", "a large flow"].map((flow) =>
      ratio("bullmq", 4, 6, { workload: "flows", variant: `${flow}: store and run`, metric: "tasks_per_s" }),
    ),
  },
  {
    row: "10,000 tasks over HTTP, in Python and in Go",
    figures: ["a worker in Python", "a worker in Go"].flatMap((variant) =>
      ["celery", "rq"].map((peer) =>
        ratio(peer, 1, 2, { workload: "http-workers", variant, metric: "tasks_per_s" }),
      ),
    ),
  },
  {
    row: "a worker over HTTP, in batches of 100, against the worker of the library",
    figures: [
      value(0.3, 0.6, {
        workload: "http-workers",
        variant: "over HTTP against the library",
        metric: "tasks_per_s_ratio",
        unit: "x the library",
        atMost: false,
      }),
    ],
  },
  {
    row: "worker memory over the run",
    figures: ["rssMbRatio", "heapMbRatio"].map((metric) =>
      value(1.1, 1, { workload: "worker-memory", variant: undefined, metric, unit: "x the early figure" }),
    ),
  },
];

export { PEERS };
