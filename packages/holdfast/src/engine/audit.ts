import type { Engine } from "./engine.ts";

export interface AuditReport {
  queue: string;
  violations: { invariant: string; detail: string }[];
  /** Index entries that were removed, since no record stood behind them. */
  repaired: number;
}

/** Where a walk over a queue goes on: kept by the caller from one audit to the next. */
export interface AuditCursor {
  part: string;
  from: number;
  /** Times that it has been all through. */
  rounds: number;
}

export function newAuditCursor(): AuditCursor {
  return { part: PARTS[0] as string, from: 0, rounds: 0 };
}

const PARTS = [
  "processing",
  "scheduled",
  "dead_letters",
  "completed",
  "cancelled",
  "expired",
  "discarded",
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

/**
 * One stretch of a walk over everything that a queue holds, in turn: each index, then the records themselves. It ends
 * after `budget` entries or one full round, whichever comes first, and moves `cursor`. The totals are compared each time.
 */
export async function auditStretch(
  engine: Engine,
  cursor: AuditCursor,
  options: { repair: boolean; budget: number },
): Promise<AuditReport> {
  const { repair } = options;
  const report: AuditReport = { queue: engine.queue, violations: [], repaired: 0 };
  const walk = [...PARTS, "tasks"];
  const seenBefore = cursor.part === walk[0] && cursor.from === 0 ? walk.length : walk.length + 1;
  let left = options.budget;
  for (let parts = 0; parts < seenBefore && left > 0; ) {
    const { part, from } = cursor;
    const limit = part === "tasks" ? SCANNED : WINDOW;
    const reply = await engine.audit(repair, part, from, limit);
    // A hash is walked with a cursor of Redis: how many it gave is not told, so each step costs its limit.
    report.violations.push(...reply.violations.filter(({ detail }) => detail.startsWith(`${part} holds`)));
    report.repaired += reply.repaired;
    left -= Math.max(SCANNED, part === "tasks" ? limit : reply.looked);
    const isOver = part === "tasks" ? reply.looked === 0 : reply.looked < limit;
    if (!isOver) {
      cursor.from = part === "tasks" ? reply.looked : from + limit - (repair ? reply.repaired : 0);
      continue;
    }
    parts++;
    const next = walk.indexOf(part) + 1;
    if (next === walk.length) cursor.rounds++;
    cursor.part = walk[next % walk.length] as string;
    cursor.from = 0;
  }
  const totals = await engine.audit(repair);
  report.violations.push(...totals.violations);
  report.repaired += totals.repaired;
  return report;
}
