// Sends a low load, with a spike far above the capacity of the workers. No request may be refused for good, and the
// backlog must be gone soon after the spike.
//
//   k6 run loadtest/spike.js
//
// BASE 10 requests a second · SPIKE 200 · SPIKE_DURATION 20s · BATCH 10 tasks per request · WORK_MS 20 ms per task
import { enqueueBatch, follow } from "./k6/api.js";
import { conservationThresholds, ready, settle } from "./k6/conservation.js";
import { number } from "./k6/settings.js";
import { summarise, summaryTrendStats } from "./k6/summary.js";

const base = number("BASE", 10);
const spikeRate = number("SPIKE", 200);
const task = { type: "demo.sleep", payload: { ms: number("WORK_MS", 20) } };
const body = JSON.stringify(Array(number("BATCH", 10)).fill(task));

export const options = {
  summaryTrendStats,
  setupTimeout: "30s",
  teardownTimeout: "5m",
  scenarios: {
    spike: {
      executor: "ramping-arrival-rate",
      startRate: base,
      timeUnit: "1s",
      preAllocatedVUs: 100,
      maxVUs: 500,
      gracefulStop: "60s",
      stages: [
        { target: base, duration: __ENV.QUIET_DURATION || "10s" },
        { target: spikeRate, duration: "2s" },
        { target: spikeRate, duration: __ENV.SPIKE_DURATION || "20s" },
        { target: base, duration: "2s" },
        { target: base, duration: __ENV.QUIET_DURATION || "10s" },
      ],
    },
  },
  thresholds: {
    ...conservationThresholds,
    task_end_to_end: ["p(95)<30000", "p(99)<60000"],
    // k6 may drop a few requests at the start of the spike, when too few clients are free.
    dropped_iterations: [`count<${Math.ceil(spikeRate / 4)}`],
  },
};

export const setup = ready;

export default function spike() {
  const [id] = enqueueBatch(body);
  // Only one request in 20 is followed, because a client that waits for a task cannot send requests.
  if (id && Math.random() < 0.05) follow(id, 120);
}

export const teardown = (before) => settle(before, { seconds: 240 });
export const handleSummary = (data) => summarise("spike", data);
