import { ERROR_STATUS } from "@holdfast/contracts";
import type { AuditAction, AuditRecord, Identity, OperationView } from "@holdfast/contracts/api";
import { clientRequestId, NOBODY, NOT_YET_KNOWN } from "@holdfast/service";
import type { FastifyRequest } from "fastify";
import { HoldfastError } from "holdfast";
import type { ActionLog, OperationSpec } from "holdfast/operate";
import type { Logger } from "pino";

export type ActionsPort = Pick<ActionLog, "append" | "page" | "all">;

/** A change, described before it is made. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  /** The task, schedule or worker that the change concerns, if it concerns a single one. */
  subject?: string | null;
  by: Author;
  reason?: string | undefined;
}

export interface MutationResult {
  /** How many tasks were changed. */
  count: number;
  /** The id of the operation that continues the change, if there is one. */
  operationId?: string;
}

/** Who sent a request, its request ids, and the address it came from. */
export type Author = Pick<AuditRecord, "actor" | "keyId" | "role" | "from" | "requestId" | "clientRequestId">;

/**
 * Returns the author of a change, read from this request only. A stored author could belong to another request.
 * @param identity @default the sender of the request
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

/** Whether the sender has authenticated with a key, a session or through a proxy. */
export const isKnown = (identity: Identity) => identity !== NOBODY && identity !== NOT_YET_KNOWN;

/** A record to write. Missing fields become null, 0, or the current time. */
export type NewRecord = Author & Pick<AuditRecord, "action" | "outcome"> & Partial<AuditRecord>;

export interface AuditLogOptions {
  actions: ActionsPort;
  logger: Logger;
}

/**
 * The audit log. Each record is written to Redis and to the log of the service. A record has counts and names, but
 * never a payload.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  get actions(): ActionsPort {
    return this.#options.actions;
  }

  /**
   * Writes a record. Never throws, because the change has already been made. If Redis refuses the record, the log of
   * the service still has it.
   */
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
        "Redis refused the record of an operator action: only this log has it",
      );
    }
  }

  /** Makes a change and records it, whether it succeeds or not. */
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

  /** Records the end of an operation. */
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
  change: "task.change",
  empty: "queue.empty",
  burst: "queue.burst",
};
