import {
  AuditExportQuery,
  AuditList,
  AuditQuery,
  FailureQuery,
  type Identity,
  nullable,
  OperationFailures,
  OperationList,
  OperationListQuery,
  OperationParams,
  OperationView,
  PauseBody,
} from "@holdfast/contracts/api";
import { type HttpServer, mayUseQueue } from "@holdfast/service";
import { HoldfastError } from "holdfast";
import { authorOf } from "../operators/audit-log.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";
import { sendLines } from "./lines.ts";

/** The routes for operations and the audit log. */
export function systemRoutes(app: HttpServer, { operations, audit }: RouteContext): void {
  const tags = [TAGS.system];
  /**
   * Returns the operation with this id. If the caller may not see its queue, the answer is the same as for a missing
   * one.
   * @throws HoldfastError not_found
   */
  const visible = async (identity: Identity, id: string): Promise<OperationView> => {
    const operation = await operations.store.get(id);
    return operation && mayUseQueue(identity, operation.queue) ? operation : unknownOperation(id);
  };

  app.get(
    "/v1/operations",
    {
      schema: {
        tags,
        summary: "List operations, newest first",
        description: "Redis keeps all open operations and the newest 500 that have ended.",
        querystring: OperationListQuery,
        response: { 200: OperationList, ...PROBLEMS },
      },
    },
    async ({ identity, query }) =>
      operations.store.list({ ...query, isVisible: (queue) => mayUseQueue(identity, queue) }),
  );

  app.get(
    "/v1/operations/:id",
    {
      schema: {
        tags,
        summary: "Progress of an operation",
        params: OperationParams,
        response: { 200: OperationView, ...PROBLEMS },
      },
    },
    async ({ identity, params }) => {
      return visible(identity, params.id);
    },
  );

  app.get(
    "/v1/operations/:id/failures",
    {
      schema: {
        tags,
        summary: "Tasks that an operation could not move",
        params: OperationParams,
        querystring: FailureQuery,
        response: { 200: OperationFailures, ...PROBLEMS },
      },
    },
    async ({ identity, params, query }) => {
      await visible(identity, params.id);
      return operations.store.failures(params.id, query);
    },
  );

  for (const verb of ["pause", "resume", "undo"] as const) {
    app.post(
      `/v1/operations/:id/${verb}`,
      {
        schema: {
          tags,
          summary: SUMMARIES[verb],
          params: OperationParams,
          body: nullable(PauseBody),
          response: { 202: OperationView, ...PROBLEMS },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const operation = await visible(request.identity, id);
        const reason = request.body?.reason;
        const mutation = { queue: operation.queue, by: authorOf(request), reason };
        const { view } = await audit.during({ ...mutation, action: `operation.${verb}` }, async () => {
          if (verb !== "undo") return { count: 0, view: await operations.control(id, verb) };
          const view = await operations.undo(id, { ...authorOf(request), reason: reason ?? null }, request);
          return { count: view.total, operationId: view.id, view };
        });
        return reply.code(202).header("location", `/v1/operations/${view.id}`).send(view);
      },
    );
  }

  app.post(
    "/v1/operations/:id/cancel",
    {
      schema: {
        tags,
        summary: "Cancel an operation",
        description: "It ends after the present batch. Finished batches are not undone.",
        params: OperationParams,
        body: nullable(PauseBody),
        response: { 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const operation = await visible(request.identity, id);
      const reason = request.body?.reason;
      const { view } = await audit.during(
        { action: "operation.cancel", queue: operation.queue, by: authorOf(request), reason },
        async () => ({ count: 0, view: await operations.control(id, "cancel") }),
      );
      return reply.code(202).send(view);
    },
  );

  app.get(
    "/v1/audit",
    {
      schema: {
        tags,
        summary: "Who did what, newest first",
        description:
          "Operator actions of all processes and of the command line, kept in Redis up to a bound.",
        querystring: AuditQuery,
        response: { 200: AuditList, ...PROBLEMS },
      },
    },
    async ({ identity, query }) =>
      audit.actions.page({ ...query, limit: query.limit ?? 50, isVisible: visibleTo(identity) }),
  );

  app.get(
    "/v1/audit/export",
    {
      schema: {
        tags,
        summary: "The audit log as NDJSON, oldest first",
        produces: ["application/x-ndjson"],
        querystring: AuditExportQuery,
        response: { 200: { type: "string", description: "A record per line" }, ...PROBLEMS },
      },
    },
    async ({ identity, query }, reply) => {
      const pages = audit.actions.all({ ...query, isVisible: visibleTo(identity) });
      const { queue = null } = query;
      return sendLines(reply, "audit.ndjson", pages, { audit, action: "audit.export", queue });
    },
  );
}

/**
 * Whether the identity may see audit records of this queue. Only an identity that may see all queues sees records
 * without a queue.
 */
const visibleTo = (identity: Identity) => (queue: string | null) =>
  identity.queues === null || (queue !== null && mayUseQueue(identity, queue));

const SUMMARIES = {
  pause: "Pause an operation",
  resume: "Go on with a paused operation",
  undo: "Undo a discard: an operation puts the tasks back",
} as const;

function unknownOperation(id: string): never {
  throw new HoldfastError(
    "not_found",
    `there is no operation ${id}: only the newest 500 that have ended are kept`,
  );
}
