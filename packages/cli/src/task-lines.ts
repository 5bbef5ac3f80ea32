import { TASK_JSON_OPTIONS, TaskReader } from "@holdfast/contracts/task-json";
import { HoldfastError } from "holdfast";

const OPTIONS: ReadonlySet<string> = new Set(TASK_JSON_OPTIONS);
const NEWLINE = 10;

/** Splits a stream into lines. The lines stay bytes, because a decoder would replace invalid ones. */
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

/** Reads the task in each line. The library checks the values of its options. */
export const lineReader = new TaskReader(({ fields, hasPayload }) => {
  const { type, ...options } = fields;
  if (typeof type !== "string") throw refusal('the task needs a "type"');
  for (const name in options) if (!OPTIONS.has(name)) throw refusal(`"${name}" is not a field of a task`);
  if (!hasPayload) throw refusal('the task needs a "payload"; use "payload":null for none');
  return { type, options: Object.keys(options).length === 0 ? undefined : options };
});

const refusal = (message: string) => new HoldfastError("invalid_request", message);

/**
 * Returns the line with the id that was generated for its task. If the user sends that line again, the task is not
 * stored twice.
 */
export function withId(line: Buffer, id: string): Buffer {
  const brace = line.indexOf("{");
  return Buffer.concat([
    line.subarray(0, brace + 1),
    Buffer.from(`"id":${JSON.stringify(id)},"ifEnded":"duplicate",`),
    line.subarray(brace + 1),
  ]);
}
