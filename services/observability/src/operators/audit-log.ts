import type { AuditAction, AuditRecord, OperationView } from "@holdfast/contracts/api";
import { type ActionLog, ERROR_STATUS, HoldfastError, type OperationSpec } from "holdfast";
import type { Logger } from "pino";

export type ActionsPort = Pick<ActionLog, "append" | "page" | "all">;

/** What a mutation is, before it is known how it went. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  /** The one task, schedule or worker that it is done to. */
  subject?: string;
  requestId: string;
  reason?: string | undefined;
}

export interface MutationResult {
  /** Tasks that it touched. */
  count: number;
  /** Set where an operation goes on with it. */
  operationId?: string;
}

/** Who sent a request, and from where. */
export type Author = Pick<AuditRecord, "actor" | "keyId" | "role" | "from">;

const UNKNOWN: Author = { actor: "unknown", keyId: null, role: null, from: "" };

export interface AuditLogOptions {
  actions: ActionsPort;
  logger: Logger;
  /** Records kept in Redis. */
  maxKept?: number | undefined;
}

/** Who did what: kept in Redis, and all of it in the log as well. Takes counts and names, never a payload. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #authors = new Map<string, Author>();

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  get actions(): ActionsPort {
    return this.#options.actions;
  }

  /** Remembers who sent a request while it is answered. */
  attribute(requestId: string, author: Author): void {
    this.#authors.set(requestId, author);
  }

  forget(requestId: string): void {
    this.#authors.delete(requestId);
  }

  authorOf(requestId: string): Author {
    return this.#authors.get(requestId) ?? UNKNOWN;
  }

  /** Who asked for an operation, for the record of its end. */
  by(requestId: string, reason: string | undefined): OperationSpec["by"] {
    return { ...this.authorOf(requestId), requestId, reason: reason ?? null };
  }

  /** Never fails: what was done is done, and the log has it where Redis could not take it. */
  async record(entry: AuditRecord): Promise<void> {
    const { actions, logger, maxKept } = this.#options;
    logger.info({ audit: entry }, "operator action");
    try {
      await actions.append(entry, maxKept);
    } catch (error) {
      logger.error(
        { err: error, audit: entry },
        "an operator action is in this log alone: Redis did not take it",
      );
    }
  }

  /** Runs a mutation and leaves its record, whether it went well or not. */
  async during<T extends MutationResult>(mutation: Mutation, run: () => Promise<T>): Promise<T> {
    let result: T;
    try {
      result = await run();
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : "internal";
      await this.#add(mutation, { count: 0, outcome: ERROR_STATUS[code] < 500 ? "refused" : "failed", code });
      throw error;
    }
    const operationId = result.operationId ?? null;
    const outcome = operationId ? "accepted" : "succeeded";
    await this.#add(mutation, { count: result.count, outcome, operationId });
    return result;
  }

  /** The record of how an operation ended. */
  async operationEnded(view: OperationView, { by }: OperationSpec): Promise<void> {
    const action = ENDED_ACTIONS[view.kind];
    const outcome = view.state === "running" || view.state === "paused" ? "accepted" : view.state;
    await this.record({
      at: Date.now(),
      ...by,
      action,
      queue: view.queue,
      subject: null,
      count: view.done,
      outcome,
      code: null,
      operationId: view.id,
    });
  }

  #add(
    mutation: Mutation,
    end: Pick<AuditRecord, "count" | "outcome"> & Partial<AuditRecord>,
  ): Promise<void> {
    const { action, queue, subject = null, requestId, reason } = mutation;
    return this.record({
      at: Date.now(),
      ...this.authorOf(requestId),
      action,
      queue,
      subject,
      reason: reason ?? null,
      requestId,
      code: null,
      operationId: null,
      ...end,
    });
  }
}

const ENDED_ACTIONS: Record<OperationView["kind"], AuditAction> = {
  replay: "dead_letters.replay",
  discard: "dead_letters.discard",
  restore: "operation.undo",
  empty: "queue.empty",
  burst: "queue.burst",
};
