import { Readable } from "node:stream";
import { ERROR_STATUS } from "@holdfast/contracts";
import type { FastifyReply } from "fastify";
import { HoldfastError } from "holdfast";
import { type AuditLog, authorOf } from "../operators/audit-log.ts";

/** What the audit record of an export says. */
export interface Export {
  audit: AuditLog;
  action: "task.export" | "audit.export";
  queue: string | null;
}

/**
 * Answers with NDJSON, page by page. The next page is read after the client has taken the last one, and no page is read
 * after the client has disconnected. The audit log gets a record when the export ends.
 */
export function sendLines(
  reply: FastifyReply,
  fileName: string,
  pages: AsyncIterable<readonly unknown[]>,
  { audit, action, queue }: Export,
): FastifyReply {
  // Fastify does not serialise streams, so its hook does not mask these rows.
  const mask = reply.server.basics.maskFor(reply.request.identity);
  const author = authorOf(reply.request);
  async function* chunks(): AsyncGenerator<string> {
    let count = 0;
    let code: HoldfastError["code"] | null = null;
    let isWhole = false;
    try {
      for await (const page of pages) {
        // A page may wait long for a slow client, and the client's key may be revoked in the meantime.
        reply.server.basics.recheck(reply.request);
        count += page.length;
        if (page.length > 0)
          yield `${page.map((row) => JSON.stringify(mask ? mask(row) : row)).join("\n")}\n`;
      }
      isWhole = true;
    } catch (error) {
      code = error instanceof HoldfastError ? error.code : "internal";
      throw error;
    } finally {
      // The record says `cancelled` if the client disconnected.
      const broken = code === null ? "cancelled" : ERROR_STATUS[code] < 500 ? "refused" : "failed";
      await audit.record({ ...author, action, queue, count, code, outcome: isWhole ? "succeeded" : broken });
    }
  }
  // At most one page is buffered, since its payloads can be large.
  const stream = Readable.from(chunks(), { objectMode: true, highWaterMark: 1 });
  return reply
    .code(200)
    .header("content-type", "application/x-ndjson; charset=utf-8")
    .header("content-disposition", `attachment; filename="${fileName}"`)
    .send(stream);
}
