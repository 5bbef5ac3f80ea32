import type { HttpServer } from "@holdfast/service";
import { type AuditLog, authorOf } from "../operators/audit-log.ts";

interface Shown {
  queue?: string;
  tasks?: unknown[];
  schedules?: unknown[];
}

/** Records each answer with unmasked payloads in the audit log, before the answer is sent. */
export function auditPayloadReads(app: HttpServer, audit: AuditLog): void {
  app.addHook("preSerialization", async (request, reply, payload) => {
    const { identity, routeOptions, params, query } = request;
    if (!routeOptions.config.showsPayloads || reply.statusCode >= 400) return payload;
    if (app.basics.maskFor(identity) !== undefined) return payload;
    const shown = payload as Shown;
    const { queue: of, id: subject = null } = params as { queue?: string; id?: string };
    const count = (shown.tasks ?? shown.schedules)?.length ?? 1;
    const queue = of ?? shown.queue ?? (query as { queue?: string }).queue ?? null;
    if (count > 0)
      await audit.record({
        ...{ ...authorOf(request), action: "payload.read", outcome: "succeeded" },
        ...{ queue, subject, count },
      });
    return payload;
  });
}
