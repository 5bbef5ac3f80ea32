// A k6 script: 10,000 tasks in one burst, in batches, through producer-api.
//   k6 run loadtest/burst.js        -e BASE_URL=http://127.0.0.1:3000 -e QUEUE=demo -e TASKS=10000 -e VUS=8
// The API key is taken from HOLDFAST_API_KEY (export HOLDFAST_API_KEY=$(make -s key)), or out of HOLDFAST_API_KEY_FILE.

import { check } from "k6";
import exec from "k6/execution";
import http from "k6/http";
import { Counter } from "k6/metrics";

const BATCH = 500;
const tasks = Number(__ENV.TASKS || 10_000);
const baseUrl = __ENV.BASE_URL || "http://127.0.0.1:3000";
const queue = __ENV.QUEUE || "demo";
const key =
  __ENV.HOLDFAST_API_KEY || (__ENV.HOLDFAST_API_KEY_FILE ? open(__ENV.HOLDFAST_API_KEY_FILE).trim() : "");
const headers = { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
const accepted = new Counter("tasks_accepted");

export const options = {
  scenarios: {
    burst: {
      executor: "shared-iterations",
      vus: Number(__ENV.VUS || 8),
      iterations: Math.ceil(tasks / BATCH),
      maxDuration: "2m",
    },
  },
  thresholds: {
    checks: ["rate==1"],
    tasks_accepted: [`count==${tasks}`],
    http_req_duration: ["p(95)<2000"],
  },
};

export default function burst() {
  const size = Math.min(BATCH, tasks - exec.scenario.iterationInTest * BATCH);
  const task = { type: "demo.flaky", payload: { failRate: 0.2 }, backoff: { baseMs: 200, maxMs: 2_000 } };
  const response = http.post(
    `${baseUrl}/v1/queues/${queue}/tasks/batch`,
    JSON.stringify(Array(size).fill(task)),
    { headers },
  );
  check(response, {
    "every task of the batch is accepted": () => response.status < 300 && response.json("failed") === 0,
  });
  if (response.status < 300) accepted.add(response.json("accepted"));
}
