import { createReadStream, existsSync } from "node:fs";
import { type FlowNode, HoldfastError, LIMITS } from "@holdfast/contracts";
import {
  CALLBACK_JSON_FIELDS,
  FLOW_TASK_JSON_OPTIONS,
  type FlowHead,
  FlowReader,
  NODE_JSON_FIELDS,
} from "@holdfast/contracts/flow-json";
import type { CutTask } from "@holdfast/contracts/task-json";
import { UsageError } from "./exit.ts";
import { linesOf } from "./task-lines.ts";

const HEAD_FIELDS: ReadonlySet<string> = new Set(["id", "open", "sealBy"]);
const TASK_FIELDS = ["type", ...FLOW_TASK_JSON_OPTIONS];
const CALLBACK_FIELDS: ReadonlySet<string> = new Set([...TASK_FIELDS, ...CALLBACK_JSON_FIELDS]);
const NODE_FIELDS: ReadonlySet<string> = new Set([...TASK_FIELDS, ...NODE_JSON_FIELDS]);

const refusal = (message: string) => new HoldfastError("invalid_argument", message);

function checkFields({ fields, hasPayload }: CutTask, known: ReadonlySet<string>, what: string): string {
  for (const name in fields) if (!known.has(name)) throw refusal(`"${name}" is not a field of ${what}`);
  if (typeof fields.type !== "string") throw refusal(`${what} needs a "type"`);
  if (!hasPayload) throw refusal(`${what} needs a "payload"; use "payload":null for none`);
  return fields.type;
}

/** Reads flows from files. The library checks the values of the options. */
const reader = new FlowReader(
  {
    head(fields) {
      for (const name in fields)
        if (!HEAD_FIELDS.has(name)) throw refusal(`"${name}" is not a field of a flow`);
      if (fields.open !== undefined && typeof fields.open !== "boolean")
        throw refusal("open must be true or false");
      return fields as Omit<FlowHead, "on">;
    },
    node(task) {
      const type = checkFields(task, NODE_FIELDS, "a node");
      const { type: _, name, after, onDead, queue, ...options } = task.fields;
      if (typeof name !== "string") throw refusal('a node needs a "name"');
      return { type, options: { name, after, onDead, queue, options } as never };
    },
    callback(task) {
      const type = checkFields(task, CALLBACK_FIELDS, "a callback");
      const { type: _, queue, ...options } = task.fields;
      return { type, options: { queue, options } as never };
    },
  },
  (error, place) => new HoldfastError(error.code, `${place}: ${error.message}`, { cause: error }),
);

/** A flow from a file. Its nodes come in parts, so that a large file never has to fit into memory. */
export interface FlowFile {
  head: FlowHead;
  parts: AsyncGenerator<FlowNode[]>;
  /** All nodes, if the file is one JSON object. */
  whole: FlowNode[] | null;
}

/**
 * Reads a flow, which is a set of tasks (its nodes) that depend on each other. It is one JSON object, or NDJSON,
 * whose first line is the flow and each other line a node. A file is NDJSON if its first line is a whole object
 * without nodes.
 * @param path "-" for stdin
 * @throws UsageError, HoldfastError
 */
export async function readFlowFile(path: string, stdin: AsyncIterable<Buffer | string>): Promise<FlowFile> {
  if (path !== "-" && !existsSync(path)) throw new UsageError(`there is no file "${path}"`);
  const lines = linesOf(path === "-" ? stdin : createReadStream(path));
  const read: Buffer[] = [];
  // A `for await` loop would close the file when the loop ends after the first line.
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    read.push(next.value);
    if (isBlank(next.value)) continue;
    if (!isObjectWithoutNodes(next.value)) break;
    return { head: reader.head(next.value), parts: nodesFrom(lines), whole: null };
  }
  for await (const line of lines) read.push(line);
  const { head, nodes } = reader.whole(joined(read));
  return { head, parts: only(nodes), whole: nodes };
}

async function* only(nodes: FlowNode[]): AsyncGenerator<FlowNode[]> {
  yield nodes;
}

async function* nodesFrom(lines: AsyncIterable<Buffer>): AsyncGenerator<FlowNode[]> {
  let before = 0;
  let some: Buffer[] = [];
  const take = () => {
    const read = reader.nodes.lines(joined(some));
    some = [];
    const nodes = reader.nodesOf(read, before);
    before += read.count;
    return nodes;
  };
  for await (const line of lines) {
    some.push(line);
    if (some.length === LIMITS.scriptTasks) yield take();
  }
  yield take();
}

const NEWLINE = Buffer.from("\n");
const joined = (lines: readonly Buffer[]) => Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));
const isBlank = (line: Buffer) => /^\s*$/.test(line.toString("latin1"));

function isObjectWithoutNodes(line: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(line.toString().replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null && !Array.isArray(value) && !("nodes" in value);
  } catch {
    return false;
  }
}
