// Simulates several loads at the same time: single tasks of three priorities, batches, scheduled tasks, cancels,
// clients that wait for results, and people who look at the dashboard.
//
//   k6 run loadtest/mixed.js
//
// DURATION 1m · SCALE 1 multiplies all rates
import { check } from "k6";
import { cancel, enqueue, enqueueBatch, follow, observe } from "./k6/api.js";
import { conservationThresholds, ready, settle } from "./k6/conservation.js";
import { number, queue } from "./k6/settings.js";
import { summarise, summaryTrendStats } from "./k6/summary.js";

const duration = __ENV.DURATION || "1m";
const scale = number("SCALE", 1);
const rate = (exec, perSecond) => ({
  executor: "constant-arrival-rate",
  exec,
  rate: Math.max(1, Math.round(perSecond * scale)),
  duration,
  preAllocatedVUs: 20,
  maxVUs: 200,
  gracefulStop: "60s",
});

export const options = {
  summaryTrendStats,
  setupTimeout: "30s",
  teardownTimeout: "5m",
  scenarios: {
    singles: rate("singles", 40),
    batches: rate("batches", 4),
    scheduled: rate("scheduled", 5),
    cancels: rate("cancels", 3),
    waiting: rate("waiting", 5),
    people: { ...rate("people", 2), maxVUs: 50 },
  },
  thresholds: {
    ...conservationThresholds,
    checks: ["rate==1"],
    "task_end_to_end{scenario:waiting}": ["p(95)<5000", "p(99)<10000"],
    "http_req_duration{name:enqueue}": ["p(95)<1000"],
    "http_req_duration{name:list}": ["p(95)<2000"],
    dropped_iterations: ["count<20"],
  },
};

export const setup = ready;

const PRIORITIES = ["high", "normal", "normal", "low"];
const flaky = {
  type: "demo.flaky",
  payload: { failRate: 0.1 },
  maxRetries: 8,
  backoff: { baseMs: 50, maxMs: 500 },
};
const batchBody = JSON.stringify(Array(50).fill(flaky));

export function singles() {
  enqueue({
    type: "demo.echo",
    payload: { at: Date.now(), text: "x".repeat(100) },
    priority: PRIORITIES[Math.floor(Math.random() * PRIORITIES.length)],
    tags: ["k6"],
  });
}

export function batches() {
  enqueueBatch(batchBody);
}

export function scheduled() {
  enqueue({ type: "demo.echo", payload: 1, delayMs: 200 + Math.floor(Math.random() * 2_000) });
}

/** Cancels a scheduled task, which then has to be cancelled at once. */
export function cancels() {
  const id = enqueue({ type: "demo.echo", payload: 1, delayMs: 60_000 });
  if (id) check(cancel(id), { "a scheduled task is cancelled at once": (status) => status === 200 });
}

export function waiting() {
  const id = enqueue({ type: "demo.sleep", payload: { ms: 20 } });
  if (id) follow(id, 60);
}

export function people() {
  observe("/v1/queues", "queues");
  observe(`/v1/queues/${queue}/tasks?state=completed&limit=50`, "list");
  observe("/v1/workers", "workers");
}

export const teardown = (before) => settle(before, { seconds: 240 });
export const handleSummary = (data) => summarise("mixed", data);
