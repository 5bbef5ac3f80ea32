// Sends a steady load for DURATION. Services may restart during the run: the client repeats refused requests with the
// same ids, so that no task is stored twice. At the end no task may be missing.
//
//   k6 run loadtest/soak.js
//   k6 run -e DURATION=1h -e RATE=200 loadtest/soak.js
//
// DURATION 5m · RATE 100 tasks a second, in requests of 5 · FAIL_RATE 0.1 · one request in 20 follows a task
import exec from "k6/execution";
import { enqueueBatch, follow } from "./k6/api.js";
import { conservationThresholds, ready, settle } from "./k6/conservation.js";
import { number, runId } from "./k6/settings.js";
import { summarise, summaryTrendStats } from "./k6/summary.js";

const BATCH = 5;
const rate = number("RATE", 100);
const failRate = number("FAIL_RATE", 0.1);

export const options = {
  summaryTrendStats,
  setupTimeout: "30s",
  teardownTimeout: "5m",
  scenarios: {
    soak: {
      executor: "constant-arrival-rate",
      rate: Math.max(1, Math.round(rate / BATCH)),
      duration: __ENV.DURATION || "5m",
      // A restart delays requests by seconds. In this time, k6 needs more clients for new requests.
      preAllocatedVUs: 300,
      maxVUs: 1_000,
      gracefulStop: "90s",
    },
  },
  thresholds: {
    ...conservationThresholds,
    task_end_to_end: ["p(95)<10000", "p(99)<40000"],
    dropped_iterations: ["count==0"],
  },
};

export const setup = ready;

export default function soak() {
  const { iterationInTest } = exec.scenario;
  const tasks = Array.from({ length: BATCH }, (_, i) => ({
    id: `${runId}-${iterationInTest}-${i}`,
    type: "demo.flaky",
    payload: { failRate },
    maxRetries: 8,
    backoff: { baseMs: 100, maxMs: 2_000 },
  }));
  const [id] = enqueueBatch(JSON.stringify(tasks), { withIds: true });
  if (id && iterationInTest % 20 === 0) follow(id, 90);
}

export const teardown = (before) => settle(before, { seconds: 240 });
export const handleSummary = (data) => summarise("soak", data);
