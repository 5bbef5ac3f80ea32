import { EventEmitter } from "node:events";
import { FatalError } from "@holdfast/contracts";
import type { Worker } from "holdfast";
import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";
import { observeWorkers } from "./worker-metrics.ts";

function setup(queues = ["emails"], types = ["email.send"]) {
  const metrics = createMetrics({ service: "worker", version: "0", http: false });
  const source = Object.assign(new EventEmitter(), { slots: 50, busy: 7 });
  observeWorkers([{ worker: source as unknown as Worker, queues, types }], metrics);
  const lines = async () =>
    (await metrics.registry.metrics()).split("\n").filter((line) => line.startsWith("holdfast_"));
  const settled = (event: object, task: object = {}) =>
    source.emit("settled", {
      task: { id: "1", type: "email.send", queue: "emails", ...task },
      waitMs: 0,
      runMs: 1,
      ...event,
    });
  return { source, settled, lines, text: () => metrics.registry.metrics() };
}

test("the metrics of a worker have the documented names, types and labels", async () => {
  const { text, lines } = setup();
  const types = [...(await text()).matchAll(/^# TYPE (holdfast_\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  expect(types.sort()).toEqual([
    "holdfast_build_info gauge",
    "holdfast_lease_renewals_total counter",
    "holdfast_overlap_seconds histogram",
    "holdfast_redis_script_seconds histogram",
    "holdfast_redis_up gauge",
    "holdfast_stale_verdicts_total counter",
    "holdfast_task_attempts_total counter",
    "holdfast_task_run_seconds histogram",
    "holdfast_task_wait_seconds histogram",
    "holdfast_tasks_dead_lettered_total counter",
    "holdfast_tasks_retried_total counter",
    "holdfast_worker_slots gauge",
    "holdfast_worker_slots_busy gauge",
  ]);
  const bounds = (name: string) =>
    lines().then((all) =>
      all.flatMap(
        (line) =>
          new RegExp(`^${name}_bucket{le="(.+?)".*outcome="acked"|^${name}_bucket{le="(.+?)"`)
            .exec(line)
            ?.slice(1)
            .find(Boolean) ?? [],
      ),
    );
  const wait = await bounds("holdfast_task_wait_seconds");
  expect([wait.at(0), wait.at(-2)]).toEqual(["0.005", "3600"]);
  const run = await bounds("holdfast_task_run_seconds");
  expect([run.at(0), run.at(-2)]).toEqual(["0.005", "900"]);
});

test("known series start at zero", async () => {
  const all = await setup().lines();
  const labels = 'queue="emails",type="email.send"';
  for (const line of [
    ...["acked", "retried", "dead", "released", "cancelled", "expired", "stale", "unknown"].map(
      (outcome) => `holdfast_task_attempts_total{${labels},outcome="${outcome}"} 0`,
    ),
    ...[
      "retries_exhausted",
      "releases_exhausted",
      "rate_limited_too_often",
      "fatal",
      "no_handler",
      "undecodable",
    ].map((reason) => `holdfast_tasks_dead_lettered_total{${labels},reason="${reason}"} 0`),
    ...["renewed", "lost", "cancelled"].map(
      (outcome) => `holdfast_lease_renewals_total{outcome="${outcome}"} 0`,
    ),
    `holdfast_tasks_retried_total{${labels},reason="failed"} 0`,
    `holdfast_task_wait_seconds_count{${labels}} 0`,
    `holdfast_task_run_seconds_count{${labels},outcome="acked"} 0`,
    'holdfast_stale_verdicts_total{queue="emails",op="settle"} 0',
    'holdfast_overlap_seconds_count{queue="emails",op="settle"} 0',
    'holdfast_worker_slots{queue="emails"} 50',
    'holdfast_worker_slots_busy{queue="emails"} 7',
  ]) {
    expect(all).toContain(line);
  }
});

test("each event is counted once, with its labels", async () => {
  const { source, settled, lines } = setup();
  const before = new Set(await lines());
  settled({ outcome: "acked", waitMs: 20, runMs: 300 });
  settled({ outcome: "retried", error: new Error("x") });
  settled({ outcome: "dead", error: new FatalError("x"), deadReason: "fatal" });
  settled({ outcome: "stale" });
  settled({ outcome: "expired" });
  source.emit("stale", { queue: "emails", overlapMs: 2_000 });
  source.emit("renewal", { outcome: "lost", count: 3 });
  const labels = 'queue="emails",type="email.send"';
  const changed = (await lines()).filter((line) => !before.has(line) && !line.includes("_bucket"));
  expect(changed.sort()).toEqual(
    [
      `holdfast_task_attempts_total{${labels},outcome="acked"} 1`,
      `holdfast_task_attempts_total{${labels},outcome="retried"} 1`,
      `holdfast_task_attempts_total{${labels},outcome="dead"} 1`,
      `holdfast_task_attempts_total{${labels},outcome="stale"} 1`,
      `holdfast_task_attempts_total{${labels},outcome="expired"} 1`,
      `holdfast_tasks_retried_total{${labels},reason="failed"} 1`,
      `holdfast_tasks_dead_lettered_total{${labels},reason="fatal"} 1`,
      `holdfast_task_wait_seconds_sum{${labels}} 0.02`,
      `holdfast_task_wait_seconds_count{${labels}} 5`,
      `holdfast_task_run_seconds_sum{${labels},outcome="acked"} 0.3`,
      `holdfast_task_run_seconds_count{${labels},outcome="acked"} 1`,
      `holdfast_task_run_seconds_sum{${labels},outcome="retried"} 0.001`,
      `holdfast_task_run_seconds_count{${labels},outcome="retried"} 1`,
      `holdfast_task_run_seconds_sum{${labels},outcome="dead"} 0.001`,
      `holdfast_task_run_seconds_count{${labels},outcome="dead"} 1`,
      `holdfast_task_run_seconds_sum{${labels},outcome="stale"} 0.001`,
      `holdfast_task_run_seconds_count{${labels},outcome="stale"} 1`,
      'holdfast_stale_verdicts_total{queue="emails",op="settle"} 1',
      'holdfast_overlap_seconds_sum{queue="emails",op="settle"} 2',
      'holdfast_overlap_seconds_count{queue="emails",op="settle"} 1',
      'holdfast_lease_renewals_total{outcome="lost"} 3',
    ].sort(),
  );
});

test("there are at most 25,000 series, whatever names callers choose", async () => {
  const { settled, lines } = setup();
  for (let queue = 0; queue < 100; queue++) {
    for (let type = 0; type < 100; type++) {
      for (const outcome of ["acked", "retried", "dead", "released", "cancelled", "stale"]) {
        settled({ outcome }, { queue: `q${queue}`, type: `t${type}` });
      }
    }
  }
  const all = await lines();
  expect(all.length).toBeGreaterThan(5_000);
  expect(all.length).toBeLessThan(25_000);
  const total = all
    .filter((line) => line.startsWith("holdfast_task_attempts_total"))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
  expect(total).toBe(60_000);
});
