import type { AuditAction } from "@holdfast/contracts/api";
import { type HttpServer, storedBy } from "@holdfast/service";
import type { FastifyRequest } from "fastify";
import { HoldfastError } from "holdfast";
import { type AuditLog, authorOf, isKnown } from "../operators/audit-log.ts";

const ACTIONS: Record<string, AuditAction> = {
  "POST /v1/queues/:queue/tasks": "task.enqueue",
  "POST /v1/queues/:queue/tasks/batch": "task.enqueue_batch",
  "DELETE /v1/queues/:queue/tasks/:id": "task.cancel",
  "PATCH /v1/queues/:queue/tasks/:id": "task.change",
  "POST /v1/queues/:queue/tasks/:id/signal": "task.signal",
  "POST /v1/queues/:queue/flows": "flow.create",
  "POST /v1/queues/:queue/flows/:flow/nodes": "flow.add",
  "POST /v1/queues/:queue/flows/:flow/seal": "flow.seal",
  "POST /v1/queues/:queue/flows/:flow/cancel": "flow.cancel",
};

interface Seen {
  count: number;
  code: string | null;
}

/**
 * Writes audit records for the routes of tasks and flows. This is done in hooks, because producer-api uses the same
 * routes and has no audit log.
 */
export function auditTaskRoutes(app: HttpServer, audit: AuditLog): void {
  const seen = new WeakMap<FastifyRequest, Seen>();
  const actionOf = (request: FastifyRequest) => ACTIONS[`${request.method} ${request.routeOptions.url}`];

  app.addHook("preSerialization", async (request, _reply, payload) => {
    if (actionOf(request)) {
      const { accepted } = (payload ?? {}) as { accepted?: number };
      seen.set(request, { count: accepted ?? 1, code: null });
    }
    return payload;
  });
  app.addHook("onError", async (request, _reply, error) => {
    // Only refusals by the library are recorded. A request that the framework refused (an invalid name, a body that
    // is too large) did nothing. Strangers, and keys above their rate limit, are not recorded, because they could
    // push all other records out of the log.
    if (!actionOf(request) || !isKnown(request.identity) || !((error as Error) instanceof HoldfastError))
      return;
    const { code } = error as unknown as HoldfastError;
    if (code !== "rate_limited") seen.set(request, { count: 0, code });
  });
  app.addHook("onResponse", async (request, reply) => {
    const action = actionOf(request);
    const streamed = storedBy.get(request);
    const result = streamed ? { count: streamed.accepted, code: null } : seen.get(request);
    if (!action || !result) return;
    const { queue, id, flow } = request.params as { queue: string; id?: string; flow?: string };
    await audit.record({
      ...authorOf(request),
      action,
      queue,
      subject: id ?? flow ?? null,
      count: result.count,
      outcome: result.code === null ? "succeeded" : reply.statusCode < 500 ? "refused" : "failed",
      code: result.code,
    });
  });
}
