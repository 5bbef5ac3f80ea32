import {
  AuditList,
  AuditQuery,
  OperationList,
  OperationParams,
  OperationView,
  WorkerList,
} from "@holdfast/contracts/api";
import type { HttpServer } from "@holdfast/service";
import { HoldfastError } from "holdfast";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** Workers, operations, audit log. */
export function systemRoutes(app: HttpServer, { observer, operations, audit }: RouteContext): void {
  const tags = [TAGS.system];

  app.get(
    "/v1/workers",
    {
      schema: {
        tags,
        summary: "List workers",
        description: "As they registered themselves, with the age of their last heartbeat.",
        response: { 200: WorkerList, ...PROBLEMS },
      },
    },
    async () => ({ workers: await observer.workers() }),
  );

  app.get(
    "/v1/operations",
    {
      schema: {
        tags,
        summary: "List operations, newest first",
        description: "The newest 200 that this process started; a restart forgets them.",
        response: { 200: OperationList, ...PROBLEMS },
      },
    },
    async () => ({ operations: operations.list() }),
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
    async (request) => operations.get(request.params.id) ?? unknownOperation(request.params.id),
  );

  app.post(
    "/v1/operations/:id/cancel",
    {
      schema: {
        tags,
        summary: "Cancel an operation",
        description: "It ends after the batch that is under way; what was done stays done.",
        params: OperationParams,
        response: { 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const operation = operations.get(id) ?? unknownOperation(id);
      const { view } = await audit.during(
        { action: "operation.cancel", queue: operation.queue, requestId: request.id },
        async () => ({ count: 0, view: operations.cancel(id) ?? operation }),
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
        description: "The newest 1,000 operator actions of this process; its log holds all.",
        querystring: AuditQuery,
        response: { 200: AuditList, ...PROBLEMS },
      },
    },
    async (request) => ({
      records: audit.list({ queue: request.query.queue, limit: request.query.limit ?? 50 }),
    }),
  );
}

function unknownOperation(id: string): never {
  throw new HoldfastError(
    "not_found",
    `there is no operation ${id}: operations are forgotten at a restart and beyond 200`,
  );
}
