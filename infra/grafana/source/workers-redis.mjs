import { dashboard, lines, quantiles, row, SHARED, stat } from "./panels.mjs";

export const workersRedis = dashboard({
  uid: "holdfast-workers-redis",
  title: "Holdfast workers and Redis",
  variables: ["queue"],
  panels: [
    stat("Workers running", "short", 'sum(holdfast_workers{queue=~"$queue",state="running"})'),
    stat("Workers lost", "short", 'sum(holdfast_workers{queue=~"$queue",state="lost"})', {
      thresholds: [1, 3],
    }),
    stat(
      "Slots busy",
      "percentunit",
      `sum(holdfast_worker_slots_busy${SHARED}) / sum(holdfast_worker_slots${SHARED})`,
      {
        max: 1,
      },
    ),
    stat("Last sweep", "s", "time() - max(holdfast_janitor_last_success_timestamp_seconds)", {
      description: "Since the last sweep of any janitor.",
      thresholds: [10, 60],
    }),
    stat(
      "Audit violations",
      "short",
      'sum(max by (queue, invariant) (holdfast_audit_violations{queue=~"$queue"}))',
      {
        thresholds: [1, 1],
      },
    ),
    stat(
      "Redis memory used",
      "percentunit",
      "max(holdfast_redis_memory_used_bytes) / max(holdfast_redis_memory_limit_bytes)",
      {
        max: 1,
        thresholds: [0.7, 0.85],
      },
    ),
    row("Workers"),
    lines("Workers by state", "short", {
      "{{state}}": 'sum by (state) (holdfast_workers{queue=~"$queue"})',
    }),
    lines("Slots", "short", {
      "{{queue}} slots": `sum by (queue) (holdfast_worker_slots${SHARED})`,
      "{{queue}} busy": `sum by (queue) (holdfast_worker_slots_busy${SHARED})`,
    }),
    lines("Lease renewals", "ops", {
      "{{outcome}}": "sum by (outcome) (rate(holdfast_lease_renewals_total[$__rate_interval]))",
    }),
    lines("Event-loop lag p99", "s", { "{{job}}": "max by (job) (nodejs_eventloop_lag_p99_seconds)" }),
    lines("CPU of processes", "percentunit", {
      "{{job}}": "sum by (job) (rate(process_cpu_seconds_total[$__rate_interval]))",
    }),
    lines("Memory of processes", "bytes", {
      "{{job}}": "sum by (job) (process_resident_memory_bytes)",
    }),
    lines("Processes up", "short", { "{{job}}": "sum by (job) (up)" }),
    lines("Versions", "short", {
      "{{service}} {{version}}": "count by (service, version) (holdfast_build_info)",
    }),
    lines("Audit", "ops", {
      repaired: 'sum(rate(holdfast_audit_repairs_total{queue=~"$queue"}[$__rate_interval]))',
      violations: 'sum(rate(holdfast_audit_violations_found_total{queue=~"$queue"}[$__rate_interval]))',
      rewinds: 'sum(rate(holdfast_rewinds_total{queue=~"$queue"}[$__rate_interval]))',
    }),
    row("Redis"),
    lines("Redis memory", "bytes", {
      used: "max(holdfast_redis_memory_used_bytes)",
      limit: "max(holdfast_redis_memory_limit_bytes)",
    }),
    lines("Redis commands", "ops", {
      commands: "sum(rate(holdfast_redis_commands_total[$__rate_interval]))",
    }),
    lines("Redis script p99", "s", {
      "{{script}}":
        "histogram_quantile(0.99, sum by (le, script) (rate(holdfast_redis_script_seconds_bucket[$__rate_interval])))",
    }),
    lines("Script calls", "ops", {
      "{{script}}": "sum by (script) (rate(holdfast_redis_script_seconds_count[$__rate_interval]))",
    }),
    lines("Redis clients", "short", { clients: "max(holdfast_redis_clients)" }),
    lines("Redis reached", "short", { "{{job}}": "min by (job) (holdfast_redis_up)" }),
    lines("Evicted keys", "short", {
      "evicted in 5 minutes": "sum(increase(holdfast_redis_evicted_keys_total[5m]))",
      "may evict": "max(holdfast_redis_evicts)",
    }),
    row("Dispatcher"),
    lines("Deliveries", "ops", {
      "{{to}} {{outcome}}": "sum by (to, outcome) (rate(holdfast_deliveries_total[$__rate_interval]))",
    }),
    lines("Delivery time p99", "s", {
      "{{to}}":
        "histogram_quantile(0.99, sum by (le, to) (rate(holdfast_delivery_seconds_bucket[$__rate_interval])))",
    }),
    lines("Reports after 202", "ops", {
      "{{endpoint}} {{verdict}}":
        "sum by (endpoint, verdict) (rate(holdfast_endpoint_settlements_total[$__rate_interval]))",
    }),
    lines("Events of webhooks", "ops", {
      "{{webhook}} enqueued": "sum by (webhook) (rate(holdfast_webhook_events_total[$__rate_interval]))",
      "{{webhook}} missed": "sum by (webhook) (rate(holdfast_webhook_missed_events_total[$__rate_interval]))",
    }),
    lines("Webhooks", "short", {
      "{{webhook}} {{queue}} followed": "max by (webhook, queue) (holdfast_webhook_following)",
      "{{webhook}} disabled": "max by (webhook) (holdfast_webhook_disabled)",
      "{{webhook}} gaps in an hour": "sum by (webhook) (increase(holdfast_webhook_gaps_total[1h]))",
    }),
    row("Alerts of the dashboard"),
    lines("Queues for which a rule fires", "short", { "{{rule}}": "max by (rule) (holdfast_alerts_firing)" }),
    lines("Alert messages", "ops", {
      "{{target}} {{outcome}}":
        "sum by (target, outcome) (rate(holdfast_alert_deliveries_total[$__rate_interval]))",
    }),
    lines("Alert messages given up", "short", {
      "{{target}} in an hour": "sum by (target) (increase(holdfast_alert_messages_lost_total[1h]))",
    }),
    row("HTTP"),
    lines("Requests", "reqps", {
      "{{job}} {{status_class}}":
        "sum by (job, status_class) (rate(holdfast_http_request_duration_seconds_count[$__rate_interval]))",
    }),
    quantiles("Request time", "holdfast_http_request_duration_seconds", '{job="producer-api"}'),
    lines("HTTP 5xx ratio", "percentunit", { "{{job}}": "job:holdfast_http_errors:ratio_rate5m" }),
    lines("Clients of the live stream", "short", { clients: "sum(holdfast_ws_clients)" }),
  ],
});
