import type { Engine } from "./engine.ts";

export interface AuditReport {
  queue: string;
  violations: { invariant: string; detail: string }[];
  /** Index entries that were removed, since no record stood behind them. */
  repaired: number;
}

const PARTS = [
  "processing",
  "scheduled",
  "dead_letters",
  "completed",
  "cancelled",
  "expired",
  "pending:high",
  "pending",
  "pending:low",
  "pending:solo",
];
const WINDOW = 500;
// A scan reads the envelopes too, payloads included: few at a time.
const SCANNED = 50;

/**
 * Compares the indexes of a queue with its records and its counters.
 * @param options.sample entries looked at per index, from its start; @default all of them
 */
export async function auditQueue(
  engine: Engine,
  options: { repair?: boolean; sample?: number } = {},
): Promise<AuditReport> {
  const repair = options.repair ?? false;
  const report: AuditReport = { queue: engine.queue, violations: [], repaired: 0 };
  for (const part of PARTS) {
    for (let from = 0; from < (options.sample ?? Number.POSITIVE_INFINITY); ) {
      const reply = await engine.audit(repair, part, from, WINDOW);
      // What does not concern the window is asked for once, at the end.
      report.violations.push(...reply.violations.filter(({ detail }) => detail.startsWith(`${part} holds`)));
      report.repaired += reply.repaired;
      if (reply.looked < WINDOW) break;
      from += WINDOW - (repair ? reply.repaired : 0);
    }
  }
  const totals = await engine.audit(repair);
  report.violations.push(...totals.violations);
  report.repaired += totals.repaired;
  if (repair && totals.violations.some(({ detail }) => detail.startsWith("envelopes:"))) {
    let cursor = 0;
    do {
      const reply = await engine.audit(repair, "tasks", cursor, SCANNED);
      report.violations.push(...reply.violations.filter(({ detail }) => detail.startsWith("tasks holds")));
      report.repaired += reply.repaired;
      cursor = reply.looked;
    } while (cursor !== 0);
  }
  return report;
}
