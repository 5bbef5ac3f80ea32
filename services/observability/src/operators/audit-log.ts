import type { AuditAction, AuditRecord, Identity, OperationView } from "@holdfast/contracts/api";
import { clientRequestId, NOBODY, NOT_YET_KNOWN } from "@holdfast/service";
import type { FastifyRequest } from "fastify";
import { type ActionLog, ERROR_STATUS, HoldfastError, type OperationSpec } from "holdfast";
import type { Logger } from "pino";

export type ActionsPort = Pick<ActionLog, "append" | "page" | "all">;

/** What a mutation is, before it is known how it went. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  /** The one task, schedule or worker that it is done to. */
  subject?: string;
  by: Author;
  reason?: string | undefined;
}

export interface MutationResult {
  /** Tasks that it touched. */
  count: number;
  /** Set where an operation goes on with it. */
  operationId?: string;
}

/** Who sent which request, and from where. */
export type Author = Pick<AuditRecord, "actor" | "keyId" | "role" | "from" | "requestId" | "clientRequestId">;

/**
 * Read from the request itself: kept beside it under a name, it could be mistaken for that of another.
 * @param identity @default whoever sent it
 */
export function authorOf(request: FastifyRequest, identity: Identity = request.identity): Author {
  const { ip, id, headers } = request;
  const { label, keyId, role } = identity;
  return {
    ...(isKnown(identity) ? { actor: label, keyId, role } : { actor: "unknown", keyId: null, role: null }),
    from: ip,
    requestId: id,
    clientRequestId: clientRequestId(headers),
  };
}

/** Somebody who was let in. */
export const isKnown = (identity: Identity) => identity !== NOBODY && identity !== NOT_YET_KNOWN;

/** Fields that are not given are null, 0, or now. */
export type NewRecord = Author & Pick<AuditRecord, "action" | "outcome"> & Partial<AuditRecord>;

export interface AuditLogOptions {
  actions: ActionsPort;
  logger: Logger;
}

/** Who did what: kept in Redis, and all of it in the log as well. Takes counts and names, never a payload. */
export class AuditLog {
  readonly #options: AuditLogOptions;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  get actions(): ActionsPort {
    return this.#options.actions;
  }

  /** Never fails: what was done is done, and the log has it where Redis could not take it. */
  async record(given: NewRecord): Promise<void> {
    const { actions, logger } = this.#options;
    const rest = { queue: null, subject: null, count: 0, reason: null, code: null, operationId: null };
    const entry: AuditRecord = { at: Date.now(), ...rest, ...given };
    logger.info({ audit: entry }, "operator action");
    try {
      await actions.append(entry);
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
    const { queue, done: count, id: operationId } = view;
    await this.record({ ...by, action, queue, count, outcome, operationId });
  }

  #add(
    mutation: Mutation,
    end: Pick<AuditRecord, "count" | "outcome"> & Partial<AuditRecord>,
  ): Promise<void> {
    const { action, queue, subject = null, by, reason = null } = mutation;
    return this.record({ ...by, action, queue, subject, reason, ...end });
  }
}

const ENDED_ACTIONS: Record<OperationView["kind"], AuditAction> = {
  replay: "dead_letters.replay",
  discard: "dead_letters.discard",
  restore: "operation.undo",
  empty: "queue.empty",
  burst: "queue.burst",
};
