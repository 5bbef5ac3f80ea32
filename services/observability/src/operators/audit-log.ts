import { ERROR_STATUS } from "@holdfast/contracts";
import type { AuditAction, AuditRecord, Identity, OperationView } from "@holdfast/contracts/api";
import { clientRequestId, NOBODY, NOT_YET_KNOWN } from "@holdfast/service";
import type { FastifyRequest } from "fastify";
import { HoldfastError } from "holdfast";
import type { ActionLog, OperationSpec } from "holdfast/operate";
import type { Logger } from "pino";

export type ActionsPort = Pick<ActionLog, "append" | "page" | "all">;

/** A mutation before its outcome is known. */
export interface Mutation {
  action: AuditAction;
  queue: string | null;
  /** The one task, schedule or worker that the mutation is about. */
  subject?: string;
  by: Author;
  reason?: string | undefined;
}

export interface MutationResult {
  /** Number of tasks that the mutation changed. */
  count: number;
  /** Set if an operation continues the mutation. */
  operationId?: string;
}

/** The sender of a request, its id and its address. */
export type Author = Pick<AuditRecord, "actor" | "keyId" | "role" | "from" | "requestId" | "clientRequestId">;

/**
 * Reads all fields from the request itself. A copy kept elsewhere could be mistaken for that of another request.
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

/** Whether the sender has shown a key or a session. */
export const isKnown = (identity: Identity) => identity !== NOBODY && identity !== NOT_YET_KNOWN;

/** Fields that are missing become null, 0, or the present time. */
export type NewRecord = Author & Pick<AuditRecord, "action" | "outcome"> & Partial<AuditRecord>;

export interface AuditLogOptions {
  actions: ActionsPort;
  logger: Logger;
}

/**
 * The audit log. Each record is kept in Redis and also written to the service's log. It has counts and names, never a
 * payload.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  get actions(): ActionsPort {
    return this.#options.actions;
  }

  /** Never throws, because the change has already been made. If Redis refuses the record, the log still has it. */
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
        "Redis refused the record of an operator action: it is in this log only",
      );
    }
  }

  /** Runs a mutation and records it, whether it succeeded or not. */
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

  /** The record for the end of an operation. */
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
