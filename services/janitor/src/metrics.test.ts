import { EventEmitter } from "node:events";
import { createMetrics } from "@holdfast/service";
import type { Janitor } from "holdfast";
import { expect, test } from "vitest";
import { observeJanitor } from "./metrics.ts";

function setup() {
  const metrics = createMetrics({ service: "janitor", version: "0", http: false });
  const source = Object.assign(new EventEmitter(), { lastSuccessAt: () => 1_700_000_000_500 });
  const clock = { now: 1_000_000 };
  observeJanitor(source as unknown as Janitor, metrics, { auditIntervalMs: 60_000, now: () => clock.now });
  const lines = async () =>
    (await metrics.registry.metrics()).split("\n").filter((line) => line.startsWith("holdfast_"));
  const audited = (queue: string, invariants: string[] = []) =>
    source.emit("audited", {
      queue,
      violations: invariants.map((invariant) => ({ invariant, detail: "x" })),
      repaired: invariants.length,
    });
  return { source, clock, lines, audited, text: () => metrics.registry.metrics() };
}

test("the metrics of a janitor have their names, types and labels", async () => {
  const types = [...(await setup().text()).matchAll(/^# TYPE (holdfast_\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  expect(types.sort()).toEqual([
    "holdfast_audit_repairs_total counter",
    "holdfast_audit_violations gauge",
    "holdfast_audit_violations_found_total counter",
    "holdfast_build_info gauge",
    "holdfast_dead_letters_dropped_total counter",
    "holdfast_janitor_last_success_timestamp_seconds gauge",
    "holdfast_redis_script_seconds histogram",
    "holdfast_redis_up gauge",
    "holdfast_rewinds_total counter",
    "holdfast_schedule_lag_seconds histogram",
    "holdfast_schedule_runs_total counter",
    "holdfast_tasks_dead_lettered_total counter",
    "holdfast_tasks_reaped_total counter",
    "holdfast_tasks_retried_total counter",
  ]);
});

test("the series of a queue start at zero with its first audit", async () => {
  const { audited, lines } = setup();
  audited("emails");
  const all = await lines();
  for (const line of [
    'holdfast_tasks_reaped_total{queue="emails",action="requeued"} 0',
    'holdfast_tasks_reaped_total{queue="emails",action="dead"} 0',
    'holdfast_tasks_reaped_total{queue="emails",action="cancelled"} 0',
    'holdfast_tasks_dead_lettered_total{queue="emails",type="__other__",reason="crashes_exhausted"} 0',
    'holdfast_tasks_retried_total{queue="emails",type="__other__",reason="crashed"} 0',
    'holdfast_audit_violations{queue="emails",invariant="I1"} 0',
    'holdfast_audit_violations{queue="emails",invariant="I2"} 0',
    'holdfast_audit_violations_found_total{queue="emails",invariant="I1"} 0',
    'holdfast_audit_repairs_total{queue="emails"} 0',
    'holdfast_rewinds_total{queue="emails"} 0',
    'holdfast_dead_letters_dropped_total{queue="emails"} 0',
    "holdfast_janitor_last_success_timestamp_seconds 1700000000.5",
  ]) {
    expect(all).toContain(line);
  }
});

test("the tasks that a sweep took back are counted as reaped, retried and dead", async () => {
  const { source, lines } = setup();
  const swept = { queue: "emails", promoted: 1, reaped: { requeued: 4, dead: 2, cancelled: 0 }, dropped: 3 };
  source.emit("swept", swept);
  source.emit("swept", swept);
  source.emit("rewound", { queue: "emails", epochSeen: 9, epoch: 3, runIdSeen: "a", runId: "b" });
  const all = await lines();
  for (const line of [
    'holdfast_tasks_reaped_total{queue="emails",action="requeued"} 8',
    'holdfast_tasks_reaped_total{queue="emails",action="dead"} 4',
    'holdfast_tasks_reaped_total{queue="emails",action="cancelled"} 0',
    'holdfast_tasks_dead_lettered_total{queue="emails",type="__other__",reason="crashes_exhausted"} 4',
    'holdfast_tasks_retried_total{queue="emails",type="__other__",reason="crashed"} 8',
    'holdfast_rewinds_total{queue="emails"} 1',
    'holdfast_dead_letters_dropped_total{queue="emails"} 6',
  ]) {
    expect(all).toContain(line);
  }
});

test("after a repair, the number of violations is zero again", async () => {
  const { audited, lines } = setup();
  audited("emails", ["I1", "I1", "I9"]);
  expect(await lines()).toContain('holdfast_audit_violations{queue="emails",invariant="I1"} 2');
  audited("emails");
  const all = await lines();
  expect(all).toContain('holdfast_audit_violations{queue="emails",invariant="I1"} 0');
  expect(all).toContain('holdfast_audit_violations{queue="emails",invariant="I9"} 0');
  expect(all).toContain('holdfast_audit_violations_found_total{queue="emails",invariant="I1"} 2');
  expect(all).toContain('holdfast_audit_repairs_total{queue="emails"} 3');
});

test("a deleted queue has no violations after a while, since it is no longer audited", async () => {
  const { audited, clock, lines } = setup();
  audited("gone", ["I1"]);
  clock.now += 300_000;
  audited("there", ["I2"]);
  const violations = async () =>
    (await lines()).filter((line) => line.startsWith("holdfast_audit_violations{") && !line.endsWith(" 0"));
  expect(await violations()).toHaveLength(2);
  clock.now += 1;
  expect(await violations()).toEqual(['holdfast_audit_violations{queue="there",invariant="I2"} 1']);
});

test("the violations of queues above the cap are added up under one label", async () => {
  const { audited, lines } = setup();
  for (let queue = 0; queue < 200; queue++) audited(`q${queue}`, queue < 100 ? ["I1"] : []);
  const all = await lines();
  expect(all).toContain('holdfast_audit_violations{queue="__other__",invariant="I1"} 36');
  expect(all.length).toBeLessThan(1_000);
});

test("the partitions of a queue are added up under the name of the queue", async () => {
  const { source, audited, lines } = setup();
  audited("orders/0", ["I1"]);
  audited("orders/255", ["I1"]);
  const reaped = { requeued: 1, dead: 0, cancelled: 0 };
  source.emit("swept", { queue: "orders/0", promoted: 0, reaped, dropped: 0 });
  source.emit("swept", { queue: "orders/1", promoted: 0, reaped, dropped: 0 });
  const all = await lines();
  expect(all).toContain('holdfast_audit_violations{queue="orders",invariant="I1"} 2');
  expect(all).toContain('holdfast_tasks_reaped_total{queue="orders",action="requeued"} 2');
  expect(all.join("")).not.toContain("orders/");
});

test("runs of schedules are counted by outcome, and their lateness is measured", async () => {
  const { source, lines } = setup();
  const event = { scheduleId: "s", queue: "emails/3", at: 1, taskId: null };
  source.emit("scheduled", { ...event, outcome: "enqueued", lagMs: 30 });
  source.emit("scheduled", { ...event, outcome: "missed", lagMs: 90_000 });
  const all = await lines();
  for (const line of [
    'holdfast_schedule_runs_total{queue="emails",outcome="enqueued"} 1',
    'holdfast_schedule_runs_total{queue="emails",outcome="missed"} 1',
    'holdfast_schedule_runs_total{queue="emails",outcome="overlapped"} 0',
    'holdfast_schedule_runs_total{queue="emails",outcome="refused"} 0',
    'holdfast_schedule_lag_seconds_bucket{le="0.05",queue="emails"} 1',
    'holdfast_schedule_lag_seconds_count{queue="emails"} 1',
  ]) {
    expect(all).toContain(line);
  }
});
