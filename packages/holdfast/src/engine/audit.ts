import type { Parts } from "../partitions/parts.ts";
import type { Engine } from "./engine.ts";
import { lostNodes } from "./flow-audit.ts";

/** What an audit found: whether the indexes (lists and sorted sets) of a queue agree with its state records. */
export interface AuditReport {
  /** The name of the queue. */
  queue: string;
  /** Which invariant (I1, I2, …) is violated, and where. Empty if there is no violation. */
  violations: { invariant: string; detail: string }[];
  /** How many index entries were removed because they had no state record. */
  repaired: number;
}

const PARTS = [
  "processing",
  "scheduled",
  "dead_letters",
  "completed",
  "kept",
  "cancelled",
  "expired",
  "discarded",
  "pending:high",
  "pending",
  "pending:low",
  "pending:solo",
  "pending:typed",
  "pending:keyed",
];
const WALK = [...PARTS, "tasks"];
const WINDOW = 500;
// Each call scans only a few fields of `tasks`, because a scan reads the payloads too.
const SCANNED = 50;

/**
 * Compares the indexes of a queue with its state records and its counters.
 * @param options.sample how many entries of each index are compared, from its start; @default all of them
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
      // Violations of the whole queue are in every reply, so they are taken from the last reply only.
      report.violations.push(
        ...reply.violations.filter(({ detail }) => detail.startsWith(`${part} has an entry for`)),
      );
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
      report.violations.push(
        ...reply.violations.filter(({ detail }) => detail.startsWith("the envelope of")),
      );
      report.repaired += reply.repaired;
      cursor = reply.looked;
    } while (cursor !== 0);
  }
  return report;
}

/**
 * Audits all partitions of a queue, and its flows over several queues and partitions. The detail of a violation in a
 * partition begins with the name of the partition.
 */
export async function auditParts(
  { queue, all, partitions }: Parts,
  options: { repair?: boolean },
): Promise<AuditReport> {
  const audit = async ({ engine }: (typeof all)[number]) => {
    const report = await auditQueue(engine, options);
    for (const detail of await lostNodes(engine)) report.violations.push({ invariant: "I17", detail });
    return report;
  };
  const reports = await Promise.all(all.map(audit));
  const where = (report: AuditReport) => (partitions ? `${report.queue}: ` : "");
  return {
    queue,
    violations: reports.flatMap((report) =>
      report.violations.map(({ invariant, detail }) => ({ invariant, detail: where(report) + detail })),
    ),
    repaired: reports.reduce((sum, { repaired }) => sum + repaired, 0),
  };
}

/**
 * Audits everything that a queue holds: each index, then the state records. One audit ends after `budget` entries or
 * one full round; the next audit continues from there. It runs in steps, so that a large queue does not block Redis.
 */
export class AuditWalk {
  readonly #engine: Engine;
  #part = 0;
  #from = 0;
  // How many entries and indexes the running audit still has to compare.
  #left = 0;
  #partsLeft = 0;
  #report: AuditReport | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether an audit has begun and not ended. */
  get underWay(): boolean {
    return this.#report !== null;
  }

  begin(budget: number): void {
    this.#left = budget;
    // If the last audit stopped inside an index, this round begins there, and reads that index again at its end.
    this.#partsLeft = this.#part === 0 && this.#from === 0 ? WALK.length : WALK.length + 1;
    this.#report = { queue: this.#engine.queue, violations: [], repaired: 0 };
  }

  /**
   * Compares about `entries` more entries, and repairs them.
   * @returns the report, with a comparison of the totals, if the audit has ended; otherwise null
   */
  async step(entries: number): Promise<AuditReport | null> {
    const report = this.#report;
    if (!report) return null;
    for (let looked = 0; looked < entries && this.#partsLeft > 0 && this.#left > 0; ) {
      const cost = await this.#window(report);
      looked += cost;
      this.#left -= cost;
    }
    if (this.#partsLeft > 0 && this.#left > 0) return null;
    const totals = await this.#engine.audit(true);
    report.violations.push(...totals.violations);
    report.repaired += totals.repaired;
    this.#report = null;
    return report;
  }

  /** Compares one window of entries. @returns the cost, in entries */
  async #window(report: AuditReport): Promise<number> {
    const part = WALK[this.#part] as string;
    const isHash = part === "tasks";
    const limit = isHash ? SCANNED : WINDOW;
    const reply = await this.#engine.audit(true, part, this.#from, limit);
    report.violations.push(
      ...reply.violations.filter(({ detail }) => detail.startsWith(`${part} has an entry for`)),
    );
    report.repaired += reply.repaired;
    if (isHash ? reply.looked !== 0 : reply.looked >= limit) {
      this.#from = isHash ? reply.looked : this.#from + limit - reply.repaired;
    } else {
      this.#partsLeft--;
      this.#part = (this.#part + 1) % WALK.length;
      this.#from = 0;
    }
    // A scan of a hash does not say how many entries it read, so it counts as `limit` entries.
    return Math.max(SCANNED, isHash ? limit : reply.looked);
  }
}
