import { type FlowNode, HoldfastError } from "@holdfast/contracts";
import { skipSpace } from "@holdfast/contracts/json";
import { lineTooLong } from "@holdfast/contracts/task-json";
import type { FastifyReply, FastifyRequest } from "fastify";
import { RequestError } from "../http/problem.ts";
import type { HttpServer } from "../http/types.ts";
import { readTaskStream, whileAllowed } from "../tasks/lines.ts";
import { LINE_LIMIT_BYTES } from "../tasks/read.ts";
import { flowReader } from "./read.ts";

const NEWLINE = 10;

/**
 * Cuts the first line that is not blank from a body.
 * @throws HoldfastError payload_too_large, invalid_json (the body has no such line)
 */
export async function headOf(
  source: AsyncIterable<Buffer>,
): Promise<{ line: Buffer; rest: AsyncIterable<Buffer> }> {
  const chunks = source[Symbol.asyncIterator]();
  let read: Buffer = Buffer.alloc(0);
  for (;;) {
    const newline = read.indexOf(NEWLINE);
    const line = read.subarray(0, newline);
    const isBlank = newline >= 0 && skipSpace(line, 0) === line.length;
    if (newline >= 0 && !isBlank) return { line, rest: following(read.subarray(newline + 1), chunks) };
    if (isBlank) read = read.subarray(newline + 1);
    else {
      if (read.length > LINE_LIMIT_BYTES) throw lineTooLong(LINE_LIMIT_BYTES);
      const next = await chunks.next();
      if (next.done && skipSpace(read, 0) === read.length)
        throw new RequestError("invalid_json", "the body is empty: its first line is the flow, such as {}");
      if (next.done) return { line: read, rest: following(Buffer.alloc(0), chunks) };
      read = Buffer.concat([read, next.value]);
    }
  }
}

async function* following(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}

/**
 * Yields the nodes of a body of lines, in blocks, while the body is arriving and its sender has access.
 * @throws HoldfastError the reason if a node is refused; invalid_request if the body ends early; unauthorized, forbidden
 */
export async function* blocksOf(
  app: HttpServer,
  request: FastifyRequest,
  reply: FastifyReply,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<FlowNode[]> {
  const watch = app.basics.watch(request);
  reply.raw.once("close", watch.end);
  const blocks = whileAllowed(readTaskStream(source, flowReader.nodes, false), watch);
  let before = 0;
  for (;;) {
    // After an error, a loop with `for await` would close the connection before the answer is sent.
    const next = await blocks.next().catch((error: unknown) => {
      if (error instanceof HoldfastError || !request.raw.destroyed) throw error;
      throw new RequestError("invalid_request", "the body ended before it was complete: send it again");
    });
    if (next.done) return;
    const nodes = flowReader.nodesOf(next.value, before);
    before += next.value.count;
    yield nodes;
  }
}
