import type { HttpServer } from "@holdfast/service";
import { type AuditLog, authorOf } from "../operators/audit-log.ts";

interface Shown {
  queue?: string;
  tasks?: unknown[];
  schedules?: unknown[];
  nodes?: unknown[];
}

/** Records each answer with unmasked payloads in the audit log, before the answer is sent. */
export function auditPayloadReads(app: HttpServer, audit: AuditLog): void {
  app.addHook("preSerialization", async (request, reply, payload) => {
    const { identity, routeOptions, params, query } = request;
    if (!routeOptions.config.showsPayloads || reply.statusCode >= 400) return payload;
    if (app.basics.maskFor(identity) !== undefined) return payload;
    const shown = payload as Shown;
    const { queue: of, id, flow } = params as { queue?: string; id?: string; flow?: string };
    const count = (shown.tasks ?? shown.schedules ?? shown.nodes)?.length ?? 1;
    const queue = of ?? shown.queue ?? (query as { queue?: string }).queue ?? null;
    if (count > 0)
      await audit.record({
        ...{ ...authorOf(request), action: "payload.read", outcome: "succeeded" },
        ...{ queue, subject: id ?? flow ?? null, count },
      });
    return payload;
  });
}
