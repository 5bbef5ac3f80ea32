import { Readable } from "node:stream";
import { ERROR_STATUS } from "@holdfast/contracts";
import type { FastifyReply } from "fastify";
import { HoldfastError } from "holdfast";
import { type AuditLog, authorOf } from "../operators/audit-log.ts";

/** The parts of an export that its audit record names. */
export interface Export {
  audit: AuditLog;
  action: "task.export" | "audit.export";
  queue: string | null;
}

/**
 * Answers with NDJSON, page by page. The next page is read when the client has taken the last one. No page is read
 * after the client has disconnected. When the export ends, it is recorded in the audit log.
 */
export function sendLines(
  reply: FastifyReply,
  fileName: string,
  pages: AsyncIterable<readonly unknown[]>,
  { audit, action, queue }: Export,
): FastifyReply {
  // Fastify does not serialise streams, so its hook for masking does not see these rows.
  const mask = reply.server.basics.maskFor(reply.request.identity);
  const author = authorOf(reply.request);
  async function* chunks(): AsyncGenerator<string> {
    let count = 0;
    let code: HoldfastError["code"] | null = null;
    let isWhole = false;
    try {
      for await (const page of pages) {
        // A page may wait long for a slow client. The key of the client may have been revoked in the meantime.
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
      // `cancelled` means that the client disconnected.
      const broken = code === null ? "cancelled" : ERROR_STATUS[code] < 500 ? "refused" : "failed";
      await audit.record({ ...author, action, queue, count, code, outcome: isWhole ? "succeeded" : broken });
    }
  }
  // At most one page is buffered, because the payloads of a page can be large.
  const stream = Readable.from(chunks(), { objectMode: true, highWaterMark: 1 });
  return reply
    .code(200)
    .header("content-type", "application/x-ndjson; charset=utf-8")
    .header("content-disposition", `attachment; filename="${fileName}"`)
    .send(stream);
}
