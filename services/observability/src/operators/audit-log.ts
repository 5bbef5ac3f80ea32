import type { AuditAction, AuditRecord, OperationView } from "@holdfast/contracts/api";
import { ERROR_STATUS, HoldfastError } from "holdfast";
import type { Logger } from "pino";

const MAX_KEPT = 1_000;

/** What a mutation is, before it is known how it went. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  requestId: string;
  reason?: string | undefined;
}

export interface MutationResult {
  /** Tasks that it touched. */
  count: number;
  /** Set where an operation goes on with it. */
  operationId?: string;
}

/** Who did what: the newest in memory, all of them in the log. Takes counts and names, never a payload. */
export class AuditLog {
  readonly #records: AuditRecord[] = [];
  readonly #logger: Logger;
  readonly #maxKept: number;

  constructor(options: { logger: Logger; maxKept?: number }) {
    this.#logger = options.logger;
    this.#maxKept = options.maxKept ?? MAX_KEPT;
  }

  record(entry: AuditRecord): void {
    this.#records.push(entry);
    if (this.#records.length > this.#maxKept) this.#records.shift();
    this.#logger.info({ audit: entry }, "operator action");
  }

  /** Newest first. */
  list(options: {
    queue?: string | undefined;
    limit: number;
    /** Whether the caller may see records of this queue; null: of no queue. */
    isVisible?(queue: string | null): boolean;
  }): AuditRecord[] {
    const found: AuditRecord[] = [];
    for (let index = this.#records.length - 1; index >= 0 && found.length < options.limit; index--) {
      const record = this.#records[index];
      if (!record || options.isVisible?.(record.queue) === false) continue;
      if (options.queue === undefined || record.queue === options.queue) found.push(record);
    }
    return found;
  }

  /** Runs a mutation and leaves its record, whether it went well or not. */
  async during<T extends MutationResult>(mutation: Mutation, run: () => Promise<T>): Promise<T> {
    try {
      const result = await run();
      const operationId = result.operationId ?? null;
      this.#add(mutation, {
        count: result.count,
        outcome: operationId ? "accepted" : "succeeded",
        operationId,
      });
      return result;
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : "internal";
      this.#add(mutation, { count: 0, outcome: ERROR_STATUS[code] < 500 ? "refused" : "failed", code });
      throw error;
    }
  }

  /** The record of how an accepted operation ended. */
  operationEnded(mutation: Mutation, view: OperationView): void {
    const outcome = view.state === "running" || view.state === "paused" ? "accepted" : view.state;
    this.#add(mutation, { count: view.done, outcome, operationId: view.id });
  }

  #add(mutation: Mutation, end: Pick<AuditRecord, "count" | "outcome"> & Partial<AuditRecord>): void {
    this.record({
      at: Date.now(),
      actor: "anonymous",
      keyId: null,
      role: "admin",
      from: "",
      action: mutation.action,
      queue: mutation.queue,
      reason: mutation.reason ?? null,
      requestId: mutation.requestId,
      code: null,
      operationId: null,
      ...end,
    });
  }
}
