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
    dead.inc({ queue, type: OTHER, reason: "crashes_exhausted" }, counts.dead);
  });

  const known = new Map<string, Set<string>>();
  janitor.on("audited", ({ queue: name, violations: found }: Audited) => {
    const queue = metrics.queueLabel(name);
    const invariants = known.get(queue) ?? new Set<string>(INVARIANTS);
    known.set(queue, invariants);
    for (const { invariant } of found) invariants.add(invariant);
    // What was mended goes back to zero.
    for (const invariant of invariants) {
      violations.set({ queue, invariant }, found.filter((entry) => entry.invariant === invariant).length);
    }
  });
}
