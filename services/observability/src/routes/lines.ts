import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";

/**
 * Answers with NDJSON, a page at a time: the next one is asked for when the client has taken the last, and none once it
 * has gone.
 */
export function sendLines(
  reply: FastifyReply,
  fileName: string,
  pages: AsyncIterable<readonly unknown[]>,
): FastifyReply {
  // A stream is not serialised by the framework: what hides fields from viewers there has to be asked for here.
  const mask = reply.server.basics.maskFor(reply.request.identity);
  async function* chunks(): AsyncGenerator<string> {
    for await (const page of pages) {
      // A page may wait for a client that reads slowly: its key can be over by now.
      reply.server.basics.recheck(reply.request);
      if (page.length > 0) yield `${page.map((row) => JSON.stringify(mask ? mask(row) : row)).join("\n")}\n`;
    }
  }
  // One page waits at most: pages can be of large payloads.
  const stream = Readable.from(chunks(), { objectMode: true, highWaterMark: 1 });
  return reply
    .code(200)
    .header("content-type", "application/x-ndjson; charset=utf-8")
    .header("content-disposition", `attachment; filename="${fileName}"`)
    .send(stream);
}
