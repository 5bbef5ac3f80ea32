import { OTHER, type ServiceMetrics } from "@holdfast/service";
import type { Janitor } from "holdfast";

export interface Swept {
  queue: string;
  promoted: number;
  reaped: { requeued: number; dead: number; cancelled: number };
}

export interface Audited {
  queue: string;
  violations: { invariant: string; detail: string }[];
  /** Index entries that were set right. */
  repaired: number;
}

/** What an audit always looks at (lua/audit.lua); others appear when they are violated. */
const INVARIANTS = ["I1", "I2"];

/** Turns the events of the janitor into its metrics. */
export function observeJanitor(
  janitor: Pick<Janitor, "on" | "lastSuccessAt">,
  metrics: ServiceMetrics,
): void {
  const reaped = metrics.counter("tasks_reaped_total", "Leases that ran out, by what became of the task.", [
    "queue",
    "action",
  ]);
  const dead = metrics.counter("tasks_dead_lettered_total", "Tasks put into the dead letters.", [
    "queue",
    "type",
    "reason",
  ]);
  const violations = metrics.gauge("audit_violations", "What the last audit found wrong.", [
    "queue",
    "invariant",
  ]);
  const violationsTotal = metrics.counter("audit_violations_found_total", "Violations that audits found.", [
    "queue",
    "invariant",
  ]);
  const repairs = metrics.counter("audit_repairs_total", "Index entries that audits set right.", ["queue"]);
  const rewinds = metrics.counter(
    "rewinds_total",
    "Times that Redis was found behind what had been seen of it.",
    ["queue"],
  );
  metrics.gauge(
    "janitor_last_success_timestamp_seconds",
    "When the last sweep went through, seconds since the epoch.",
    [],
    (gauge) => gauge.set(janitor.lastSuccessAt() / 1_000),
  );
  janitor.on("swept", ({ queue: name, reaped: counts }: Swept) => {
    const queue = metrics.queueLabel(name);
    // Zero counts too: the series of a queue begins with its first sweep.
    for (const action of ["requeued", "dead", "cancelled"] as const) {
      reaped.inc({ queue, action }, counts[action]);
    }
    // A sweep counts, it does not read the tasks: their type is not known here.
    rewinds.inc({ queue }, 0);
    dead.inc({ queue, type: OTHER, reason: "crashes_exhausted" }, counts.dead);
  });

  const known = new Map<string, Set<string>>();
  janitor.on("rewound", ({ queue }) => rewinds.inc({ queue: metrics.queueLabel(queue) }));
  janitor.on("audited", ({ queue: name, violations: found, repaired }: Audited) => {
    const queue = metrics.queueLabel(name);
    repairs.inc({ queue }, repaired);
    rewinds.inc({ queue }, 0);
    const invariants = known.get(queue) ?? new Set<string>(INVARIANTS);
    known.set(queue, invariants);
    for (const { invariant } of found) invariants.add(invariant);
    // What was mended goes back to zero.
    for (const invariant of invariants) {
      const count = found.filter((entry) => entry.invariant === invariant).length;
      violations.set({ queue, invariant }, count);
      violationsTotal.inc({ queue, invariant }, count);
    }
  });
}
