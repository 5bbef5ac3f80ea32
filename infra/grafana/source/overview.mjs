import { dashboard, heatMap, lines, quantiles, row, SHARED, stat, table, toQueue } from "./panels.mjs";

const q = '{queue=~"$queue"}';
const qt = '{queue=~"$queue",type=~"$type"}';
const state = (name) => `sum(holdfast_queue_tasks{queue=~"$queue",state="${name}"})`;

export const overview = dashboard({
  uid: "holdfast-overview",
  title: "Holdfast overview",
  variables: ["queue", "type"],
  panels: [
    stat("Pending", "short", state("pending")),
    stat("Processing", "short", state("processing")),
    stat("Dead letters", "short", state("dead"), { thresholds: [1, 100] }),
    stat("Oldest pending", "s", `max(holdfast_queue_oldest_pending_age_seconds${q})`, {
      thresholds: [60, 300],
    }),
    stat("Workers", "short", 'sum(holdfast_workers{queue=~"$queue",state="running"})', {
      description: "A worker that serves two queues counts for both.",
    }),
    stat("Alerts", "short", 'count(ALERTS{alertstate="firing"}) or vector(0)', {
      description: "docs/runbooks has a page for each alert.",
      thresholds: [1, 1],
    }),
    row("Flow"),
    lines("In against out", "ops", {
      enqueued: `sum(rate(holdfast_tasks_enqueued_total${qt}[$__rate_interval]))`,
      completed: `sum(rate(holdfast_task_attempts_total{queue=~"$queue",type=~"$type",outcome="acked"}[$__rate_interval]))`,
    }),
    lines(
      "Depth by state",
      "short",
      { "{{state}}": `sum by (state) (holdfast_queue_tasks${q})` },
      { stacked: true },
    ),
    lines(
      "Oldest pending age",
      "s",
      { "{{queue}}": `max by (queue) (holdfast_queue_oldest_pending_age_seconds${q})` },
      { dataLinks: toQueue() },
    ),
    quantiles("Wait time", "holdfast_task_wait_seconds", qt, {
      description: "The time from enqueue to acquire, including a requested delay and earlier attempts.",
    }),
    quantiles("Run time", "holdfast_task_run_seconds", qt),
    heatMap("Run times", "holdfast_task_run_seconds", qt),
    lines(
      "Outcomes of attempts",
      "ops",
      { "{{outcome}}": `sum by (outcome) (rate(holdfast_task_attempts_total${qt}[$__rate_interval]))` },
      { stacked: true },
    ),
    lines(
      "Time to drain",
      "s",
      { "{{queue}}": `max by (queue) (holdfast_queue_drain_seconds${q})` },
      { description: "pending / (completion rate - enqueue rate); no line while a queue does not shrink." },
    ),
    lines(
      "Worker slots busy",
      "percentunit",
      {
        "{{queue}}": `sum by (queue) (holdfast_worker_slots_busy${SHARED}) / sum by (queue) (holdfast_worker_slots${SHARED})`,
      },
      { max: 1 },
    ),
    row("Failures"),
    lines("Retries", "ops", {
      "{{reason}}": `sum by (reason) (rate(holdfast_tasks_retried_total${q}[$__rate_interval]))`,
    }),
    lines(
      "Dead-letter inflow",
      "ops",
      { "{{queue}}": `sum by (queue) (rate(holdfast_tasks_dead_lettered_total${q}[$__rate_interval]))` },
      { dataLinks: toQueue("/dead-letters") },
    ),
    lines("Expired leases", "ops", {
      "{{action}}": `sum by (action) (rate(holdfast_tasks_reaped_total${q}[$__rate_interval]))`,
    }),
    lines("Share of failures", "percentunit", {
      "{{queue}}": `queue:holdfast_task_failures:ratio_rate5m${q}`,
    }),
    lines(
      "HTTP 5xx ratio",
      "percentunit",
      { "{{job}}": "job:holdfast_http_errors:ratio_rate5m" },
      { description: "Share of requests that were answered with a 5xx, over five minutes." },
    ),
    table("Alerts by state", "short", "sum by (alertname, alertstate, severity, queue) (ALERTS)", {
      description: "The panel is empty if no queue violates an invariant.",
    }),
    row("Objective"),
    stat(
      "Begun within 30 s, 30 days",
      "percentunit",
      `avg(queue:holdfast_task_wait_within_30s:ratio30d${q})`,
      { description: "The objective is 99 %." },
    ),
    lines(
      "Begun within 30 s, 30 days back",
      "percentunit",
      { "{{queue}}": `queue:holdfast_task_wait_within_30s:ratio30d${q}` },
      { w: 20, max: 1 },
    ),
  ],
});
