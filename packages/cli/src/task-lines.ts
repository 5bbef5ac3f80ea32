import { checkJsonDepth } from "@holdfast/contracts";
import type { NewTask } from "holdfast";
import { UsageError } from "./exit.ts";
import { membersOf, textOf } from "./json-text.ts";

const OPTIONS = new Set([
  "id",
  "ifEnded",
  "priority",
  "delayMs",
  "runAt",
  "maxRetries",
  "backoff",
  "timeoutMs",
  "expiresAt",
  "tags",
  "keepPayload",
  "durability",
  "replicas",
  "partitionKey",
]);
const NEWLINE = 10;

/** The lines of a stream, without their ends, as bytes: a lenient decoder could alter them. */
export async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk as Buffer);
    let from = 0;
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...rest, bytes.subarray(from, at)]);
      rest = [];
      from = at + 1;
    }
    if (from < bytes.length) rest.push(bytes.subarray(from));
  }
  if (rest.length > 0) yield Buffer.concat(rest);
}

/**
 * Parses one line of NDJSON into a task and keeps its payload byte for byte. @throws UsageError, HoldfastError
 * payload_too_deep
 */
export function taskOfLine(line: Buffer): NewTask {
  const members = membersOf(textOf(line, "it"));
  if (members === null) throw new UsageError('it is not an object: {"type":"…","payload":…}');
  const type: unknown = JSON.parse(members.get("type") ?? "null");
  if (typeof type !== "string") throw new UsageError('it has no "type"');
  const options: Record<string, unknown> = {};
  for (const [name, text] of members) {
    if (name === "type" || name === "payload") continue;
    if (!OPTIONS.has(name)) throw new UsageError(`"${name}" is not a field of a task`);
    options[name] = JSON.parse(text);
  }
  const payloadText = members.get("payload");
  if (payloadText === undefined)
    throw new UsageError('it has no "payload"; a task without one has "payload":null');
  checkJsonDepth(payloadText, "the payload");
  return { type, payloadText, ...options };
}

/** The same line with the id that was minted for it, so that a repeat is accepted once, even if that task ended. */
export function withId(line: Buffer, id: string | null): Buffer {
  const brace = line.indexOf("{");
  if (id === null || brace < 0 || membersOf(textOf(line, "it"))?.has("id")) return line;
  return Buffer.concat([
    line.subarray(0, brace + 1),
    Buffer.from(`"id":${JSON.stringify(id)},"ifEnded":"duplicate",`),
    line.subarray(brace + 1),
  ]);
}
