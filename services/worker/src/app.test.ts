import { EventEmitter } from "node:events";
import { FatalError } from "@holdfast/contracts";
import { createMetrics } from "@holdfast/service";
import type { Worker } from "holdfast";
import { expect, test } from "vitest";
import { workerReadiness } from "./app.ts";
import { observeWorker } from "./metrics.ts";

const green = { ok: true, detail: "" };
const worker = (ageMs: number, busy: number) => ({ busy, slots: 2, lastGoodPollAgeMs: () => ageMs });

test("a worker is ready while Redis answers and it polls, or has no slot to poll for", () => {
  expect(workerReadiness(green, worker(900, 0)).ok).toBe(true);
  expect(workerReadiness(green, worker(10_001, 1)).ok).toBe(false);
  expect(workerReadiness(green, worker(600_000, 2)).ok).toBe(true);
  expect(workerReadiness(green, worker(Number.POSITIVE_INFINITY, 0))).toEqual({
    ok: false,
    detail: "no poll yet",
  });
  expect(workerReadiness({ ok: false, detail: "down" }, worker(1, 0)).detail).toBe("down");
});

test("events become metrics, and known series start at zero", async () => {
  const metrics = createMetrics({ service: "worker", version: "0", http: false });
  const source = Object.assign(new EventEmitter(), { slots: 50, busy: 7 });
  observeWorker(source as unknown as Worker, metrics, ["emails"], ["email.send"]);
  const task = { id: "1", type: "email.send", queue: "emails" };
  expect(await metrics.registry.metrics()).toContain(
    'holdfast_task_attempts_total{queue="emails",type="email.send",outcome="acked"} 0',
  );
  source.emit("settled", { task, outcome: "acked", waitMs: 20, runMs: 300 });
  source.emit("settled", { task, outcome: "retried", waitMs: 0, runMs: 1, error: new Error("x") });
  source.emit("settled", {
    task,
    outcome: "dead",
    waitMs: 0,
    runMs: 1,
    error: new FatalError("x"),
    deadReason: "fatal",
  });
  source.emit("settled", { task, outcome: "stale", waitMs: 0, runMs: 1 });
  source.emit("renewal", { outcome: "lost", count: 3 });
  const text = await metrics.registry.metrics();
  for (const line of [
    'holdfast_task_attempts_total{queue="emails",type="email.send",outcome="acked"} 1',
    'holdfast_tasks_retried_total{queue="emails",type="email.send",reason="failed"} 1',
    'holdfast_tasks_dead_lettered_total{queue="emails",type="email.send",reason="fatal"} 1',
    'holdfast_stale_verdicts_total{queue="emails",op="settle"} 1',
    'holdfast_task_run_seconds_sum{queue="emails",type="email.send",outcome="acked"} 0.3',
    'holdfast_lease_renewals_total{outcome="lost"} 3',
    'holdfast_worker_slots{queue="emails"} 50',
    'holdfast_worker_slots_busy{queue="emails"} 7',
  ]) {
    expect(text).toContain(line);
  }
});
