// Sends 10,000 tasks at once. One attempt in five fails. Measures how fast they are accepted, and checks that every
// task ends.
//
//   k6 run loadtest/burst.js
//   k6 run -e TASKS=100000 loadtest/burst.js
//   k6 run -e BATCH=1 -e VUS=100 loadtest/burst.js       one request per task
//
// TASKS 10000 · BATCH 500 tasks per request · VUS 8 clients · FAIL_RATE 0.2 · SAMPLES 200 tasks followed to their end
//
// loadtest/README.md lists the settings of all scripts.
import exec from "k6/execution";
import { enqueue, enqueueBatch, follow } from "./k6/api.js";
import { conservationThresholds, ready, settle } from "./k6/conservation.js";
import { number } from "./k6/settings.js";
import { summarise, summaryTrendStats } from "./k6/summary.js";

const tasks = number("TASKS", 10_000);
const batch = Math.min(1_000, number("BATCH", 500));
const requests = Math.ceil(tasks / batch);
const vus = Math.min(number("VUS", 8), requests);
const samples = number("SAMPLES", 200);

// With eight retries, it is very unlikely that any of the 10,000 tasks fails in all nine attempts.
const task = {
  type: "demo.flaky",
  payload: { failRate: number("FAIL_RATE", 0.2) },
  maxRetries: 8,
  backoff: { baseMs: 50, maxMs: 500 },
};
// The JSON is made only once, so that the test measures the service and not JSON.stringify.
const text = JSON.stringify(task);
const bodyOf = (size) => `[${Array(size).fill(text).join(",")}]`;
const fullBody = bodyOf(batch);

export const options = {
  summaryTrendStats,
  setupTimeout: "30s",
  teardownTimeout: "5m",
  scenarios: {
    burst: { executor: "per-vu-iterations", vus, iterations: 1, maxDuration: "5m" },
  },
  thresholds: {
    ...conservationThresholds,
    tasks_accepted: [`count==${tasks}`],
    task_end_to_end: ["p(95)<15000", "p(99)<30000"],
    dropped_iterations: ["count==0"],
  },
};

export const setup = ready;

/** Each of the `vus` clients sends its share of the requests, and then follows some of its tasks. */
export default function burst() {
  const ids = [];
  for (let request = exec.vu.idInTest - 1; request < requests; request += vus) {
    if (batch === 1) ids.push(enqueue(task));
    else {
      const size = Math.min(batch, tasks - request * batch);
      ids.push(...enqueueBatch(size === batch ? fullBody : bodyOf(size)));
    }
  }
  const step = Math.max(1, Math.floor((ids.length * vus) / samples));
  for (let at = ids.length - 1; at >= 0; at -= step) if (ids[at]) follow(ids[at], 240);
}

export const teardown = (before) => settle(before, { seconds: 240, expected: tasks });
export const handleSummary = (data) => summarise("burst", data);
