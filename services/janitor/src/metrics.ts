import { OTHER, type ServiceMetrics } from "@holdfast/service";
import type { Janitor } from "holdfast";

export interface Swept {
  queue: string;
  promoted: number;
  reaped: { requeued: number; dead: number; cancelled: number };
  dropped: number;
}

export interface Audited {
  queue: string;
  violations: { invariant: string; detail: string }[];
  /** How many index entries the audits corrected. */
  repaired: number;
}

/** The invariants of lua/queries/audit.lua. Their series start at zero, others with their first violation. */
const INVARIANTS = ["I1", "I2"];

/**
 * Matches the end of a partition name. A janitor sweeps up to 256 partitions one by one, but the metrics show them as
 * one queue.
 */
const PARTITION = /\/\d+$/;
const ACTIONS = ["requeued", "dead", "cancelled"] as const;
const RUN_OUTCOMES = ["enqueued", "missed", "overlapped", "deduplicated", "replaced", "refused"] as const;
const LAG_SECONDS = [0.005, 0.05, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3_600];
const FORGOTTEN_AFTER_MS = 300_000;

/**
 * Turns the events of the janitor into its metrics.
 * @param options.auditIntervalMs if a queue is not audited again within three of these intervals, its violations are
 * dropped
 */
export function observeJanitor(
  janitor: Pick<Janitor, "on" | "lastSuccessAt">,
  metrics: ServiceMetrics,
  options: { auditIntervalMs: number; now?: () => number },
): void {
  const { now = Date.now } = options;
  const labelOf = (queue: string) => metrics.queueLabel(queue.replace(PARTITION, ""));
  const forgottenAfterMs = Math.max(FORGOTTEN_AFTER_MS, options.auditIntervalMs * 3);
  const audits = new Map<string, { at: number; counts: Map<string, number> }>();
  const reaped = metrics.counter(
    "tasks_reaped_total",
    "Leases that expired, by the next state of the task.",
    ["queue", "action"],
  );
  const dead = metrics.counter("tasks_dead_lettered_total", "Tasks put into the dead letters.", [
    "queue",
    "type",
    "reason",
  ]);
  const dropped = metrics.counter(
    "dead_letters_dropped_total",
    "Dead letters that were dropped because of a cap of the queue.",
    ["queue"],
  );
  const retried = metrics.counter("tasks_retried_total", "Attempts that are followed by a retry.", [
    "queue",
    "type",
    "reason",
  ]);
  metrics.gauge(
    "audit_violations",
    "Violations that the last audit found.",
    ["queue", "invariant"],
    (violations) => {
      violations.reset();
      for (const [name, { at, counts }] of audits) {
        // No newer audit came, so the queue was deleted. Without this, its violations would be shown for ever.
        if (now() - at > forgottenAfterMs) audits.delete(name);
        else {
          const queue = labelOf(name);
          for (const [invariant, count] of counts) violations.inc({ queue, invariant }, count);
        }
      }
    },
  );
  const violationsTotal = metrics.counter("audit_violations_found_total", "Violations that audits found.", [
    "queue",
    "invariant",
  ]);
  const repairs = metrics.counter("audit_repairs_total", "Index entries that audits corrected.", ["queue"]);
  const rewinds = metrics.counter(
    "rewinds_total",
    "How often Redis was found to have lost acknowledged writes.",
    ["queue"],
  );
  const runs = metrics.counter(
    "schedule_runs_total",
    "Occurrences of schedules by outcome: enqueued, missed, overlapped, refused.",
    ["queue", "outcome"],
  );
  const runLag = metrics.histogram(
    "schedule_lag_seconds",
    "Seconds from the time of an occurrence to its enqueue; 0.005 to 3,600.",
    ["queue"],
    LAG_SECONDS,
  );
  metrics.gauge(
    "janitor_last_success_timestamp_seconds",
    "When the last sweep succeeded, seconds since the epoch.",
    [],
    (gauge) => gauge.set(janitor.lastSuccessAt() / 1_000),
  );
  /**
   * Counts the tasks of a sweep. Counts of zero are added too, so that the series of a queue start with its first
   * audit or sweep.
   */
  const addSwept = (name: string, counts: Swept["reaped"], droppedCount: number) => {
    const queue = labelOf(name);
    for (const action of ACTIONS) reaped.inc({ queue, action }, counts[action]);
    // A sweep does not read the tasks that it counts, so their type is unknown.
    dead.inc({ queue, type: OTHER, reason: "crashes_exhausted" }, counts.dead);
    retried.inc({ queue, type: OTHER, reason: "crashed" }, counts.requeued);
    dropped.inc({ queue }, droppedCount);
    rewinds.inc({ queue }, 0);
  };
  janitor.on("scheduled", ({ queue: name, outcome, lagMs }) => {
    const queue = labelOf(name);
    for (const known of RUN_OUTCOMES) runs.inc({ queue, outcome: known }, known === outcome ? 1 : 0);
    if (outcome === "enqueued") runLag.observe({ queue }, lagMs / 1_000);
  });
  janitor.on("swept", (swept: Swept) => addSwept(swept.queue, swept.reaped, swept.dropped));
  janitor.on("rewound", ({ queue }) => rewinds.inc({ queue: labelOf(queue) }));
  janitor.on("audited", ({ queue: name, violations: found, repaired }: Audited) => {
    addSwept(name, { requeued: 0, dead: 0, cancelled: 0 }, 0);
    const queue = labelOf(name);
    repairs.inc({ queue }, repaired);
    // A violation that has been repaired must be reported as zero, so the invariants of the last audit are listed
    // too.
    const known = [...INVARIANTS, ...(audits.get(name)?.counts.keys() ?? [])];
    const counts = new Map(known.map((invariant) => [invariant, 0]));
    for (const { invariant } of found) counts.set(invariant, (counts.get(invariant) ?? 0) + 1);
    audits.set(name, { at: now(), counts });
    for (const [invariant, count] of counts) violationsTotal.inc({ queue, invariant }, count);
  });
}
