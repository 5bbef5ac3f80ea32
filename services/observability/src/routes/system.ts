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
import { assertQueue, type HttpServer, mayUseQueue } from "@holdfast/service";
import { HoldfastError } from "holdfast";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";
import { sendLines } from "./lines.ts";

/** Operations, audit log. */
export function systemRoutes(app: HttpServer, { operations, audit }: RouteContext): void {
  const tags = [TAGS.system];

  app.get(
    "/v1/operations",
    {
      schema: {
        tags,
        summary: "List operations, newest first",
        description: "The newest 200 that this process started; a restart forgets them.",
        querystring: OperationListQuery,
        response: { 200: OperationList, ...PROBLEMS },
      },
    },
    async ({ identity }) => ({
      operations: operations.list().filter(({ queue }) => mayUseQueue(identity, queue)),
      cursor: null,
    }),
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
    async (request) => {
      const operation = operations.get(request.params.id) ?? unknownOperation(request.params.id);
      assertQueue(request.identity, operation.queue);
      return operation;
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
    async (request) => {
      const operation = operations.get(request.params.id) ?? unknownOperation(request.params.id);
      assertQueue(request.identity, operation.queue);
      return { failures: [], cursor: null, total: 0 };
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
      async (request) => {
        const operation = operations.get(request.params.id) ?? unknownOperation(request.params.id);
        assertQueue(request.identity, operation.queue);
        throw new HoldfastError("conflict", `operation ${operation.id} is ${operation.state}`);
      },
    );
  }

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
      assertQueue(request.identity, operation.queue);
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
    async (request) => {
      const records = audit.list({
        queue: request.query.queue,
        limit: request.query.limit ?? 50,
        isVisible: visibleTo(request.identity),
      });
      return { records, cursor: null, scanned: records.length, total: records.length };
    },
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
    async (request, reply) =>
      sendLines(
        reply,
        "audit.ndjson",
        (async function* () {
          yield audit
            .list({ queue: request.query.queue, limit: 1_000, isVisible: visibleTo(request.identity) })
            .reverse();
        })(),
      ),
  );
}

/** A record of no queue is about all of them. */
const visibleTo = (identity: Identity) => (queue: string | null) =>
  identity.queues === null || (queue !== null && mayUseQueue(identity, queue));

const SUMMARIES = {
  pause: "Pause an operation",
  resume: "Go on with a paused operation",
  undo: "Undo a discard",
} as const;

function unknownOperation(id: string): never {
  throw new HoldfastError(
    "not_found",
    `there is no operation ${id}: operations are forgotten at a restart and beyond 200`,
  );
}
