import { dashboard, heatMap, lines, quantiles, row, stat, toQueue } from "./panels.mjs";

const q = '{queue=~"$queue"}';
const qt = '{queue=~"$queue",type=~"$type"}';
const rate = (metric, selector = qt) => `rate(holdfast_${metric}${selector}[$__rate_interval])`;

export const queue = dashboard({
  uid: "holdfast-queue",
  title: "Holdfast queue",
  variables: ["queue", "type"],
  panels: [
    stat("Pending", "short", `sum(holdfast_queue_tasks{queue=~"$queue",state="pending"})`),
    stat("Scheduled", "short", `sum(holdfast_queue_tasks{queue=~"$queue",state="scheduled"})`),
    stat("Dead letters", "short", `sum(holdfast_queue_tasks{queue=~"$queue",state="dead"})`, {
      thresholds: [1, 100],
    }),
    stat("Time to drain", "s", `max(holdfast_queue_drain_seconds${q})`),
    stat("Paused", "short", `sum(holdfast_queue_paused${q})`, {
      description: "Queues of the selection that are paused.",
      thresholds: [1, 1_000],
    }),
    stat("Failures, 5 minutes", "percentunit", `max(queue:holdfast_task_failures:ratio_rate5m${q})`, {
      thresholds: [0.1, 0.25],
    }),
    row("In"),
    lines("Enqueued", "ops", { "{{type}}": `sum by (type) (${rate("tasks_enqueued_total")})` }),
    lines("Deduplicated", "ops", {
      "{{type}}": `sum by (type) (${rate("tasks_deduplicated_total")})`,
    }),
    lines("Rejected", "ops", { "{{reason}}": `sum by (reason) (${rate("tasks_rejected_total", q)})` }),
    quantiles("Payload size", "holdfast_payload_bytes", q, { unit: "bytes" }),
    lines(
      "Depth by state",
      "short",
      { "{{state}}": `sum by (state) (holdfast_queue_tasks${q})` },
      { stacked: true, dataLinks: toQueue("/tasks") },
    ),
    lines("Oldest pending age", "s", {
      "{{queue}}": `max by (queue) (holdfast_queue_oldest_pending_age_seconds${q})`,
    }),
    lines(
      "Held back by limits",
      "short",
      {
        "held back": `sum(holdfast_queue_tasks{queue=~"$queue",state="pending"}) - sum(holdfast_queue_runnable_tasks${q})`,
        "may run": `sum(holdfast_queue_runnable_tasks${q})`,
        running: `sum(holdfast_queue_tasks{queue=~"$queue",state="processing"})`,
        "limit of running": `sum(holdfast_queue_concurrency_limit${q})`,
      },
      {
        description:
          "Pending tasks that limits, holds or a pause keep from starting, those that may start now, and those that run.",
        dataLinks: toQueue("/limits"),
      },
    ),
    lines("Keys", "short", {
      "{{state}}": `sum by (state) (holdfast_queue_keys${q})`,
      "tasks with a key": `sum(holdfast_queue_keyed_tasks${q})`,
    }),
    lines("Longest hold", "s", { "{{queue}}": `max by (queue) (holdfast_queue_hold_seconds${q})` }),
    lines("Suspended tasks", "short", {
      "sleep or wait for a signal": `sum(holdfast_queue_suspended_tasks${q})`,
    }),
    lines("Flows", "short", {
      "not ended": `sum(holdfast_queue_flows${q})`,
      "nodes that wait for other nodes": `sum(holdfast_queue_tasks{queue=~"$queue",state="waiting"})`,
    }),
    lines("Oldest flow", "s", {
      "{{queue}}": `max by (queue) (holdfast_queue_oldest_flow_age_seconds${q})`,
    }),
    lines("Flows stored", "ops", {
      flows: `sum(${rate("flows_stored_total", q)})`,
      nodes: `sum(${rate("flow_nodes_stored_total", q)})`,
    }),
    row("Out"),
    lines("Completed", "ops", {
      "{{type}}": `sum by (type) (rate(holdfast_task_attempts_total{queue=~"$queue",type=~"$type",outcome="acked"}[$__rate_interval]))`,
    }),
    quantiles("Wait time", "holdfast_task_wait_seconds", qt),
    quantiles("Run time", "holdfast_task_run_seconds", qt),
    heatMap("Run times", "holdfast_task_run_seconds", qt),
    heatMap("Wait times", "holdfast_task_wait_seconds", qt),
    lines(
      "Outcomes of attempts",
      "ops",
      { "{{outcome}}": `sum by (outcome) (${rate("task_attempts_total")})` },
      { stacked: true },
    ),
    row("Failures"),
    lines("Retries", "ops", {
      "{{type}}, {{reason}}": `sum by (type, reason) (${rate("tasks_retried_total", q)})`,
    }),
    lines(
      "Dead-letter inflow",
      "ops",
      { "{{type}}, {{reason}}": `sum by (type, reason) (${rate("tasks_dead_lettered_total", q)})` },
      { dataLinks: toQueue("/dead-letters"), description: "The janitor does not know types: __other__." },
    ),
    lines("Dead letters dropped", "ops", {
      "{{queue}}": `sum by (queue) (${rate("dead_letters_dropped_total", q)})`,
    }),
    lines("Replays", "ops", {
      "{{outcome}}": `sum by (outcome) (${rate("dead_letters_replayed_total", q)})`,
    }),
    lines("Expired leases", "ops", {
      "{{action}}": `sum by (action) (${rate("tasks_reaped_total", q)})`,
    }),
    lines(
      "Stale verdicts",
      "ops",
      { "{{op}}": `sum by (op) (${rate("stale_verdicts_total", q)})` },
      {
        description:
          "A stale verdict comes from an attempt that outlived its lease, so the task may have run twice at the same time.",
      },
    ),
    lines("Runs of schedules", "ops", {
      "{{outcome}}": `sum by (outcome) (${rate("schedule_runs_total", q)})`,
    }),
    quantiles("Lag of schedules", "holdfast_schedule_lag_seconds", q, {
      description: "From the time of an occurrence to its enqueue.",
    }),
    lines("Overlap of attempts", "s", {
      "over 5 minutes": `sum(increase(holdfast_overlap_seconds_sum${q}[5m]))`,
    }),
  ],
});
