import { HoldfastError } from "./errors.ts";
import { FLOW_MOMENTS, type FlowCallback, type FlowMoment, type FlowNode, type FlowOptions } from "./flow.ts";
import {
  assertEnd,
  CutObject,
  duplicateName,
  type JsonText,
  OPEN_BRACE,
  OPEN_BRACKET,
  receivedText,
  type Span,
  skipSpace,
} from "./json.ts";
import { LIMITS } from "./limits.ts";
import { type CheckTask, fieldsOf, type ReadTasks, type TaskColumns, TaskReader } from "./task-json.ts";

/** The task options that a node or a callback may have in JSON, beside `type` and `payload`. */
export const FLOW_TASK_JSON_OPTIONS = [
  "priority",
  "delayMs",
  "runAt",
  "version",
  "maxRetries",
  "backoff",
  "timeoutMs",
  "expiresAt",
  "tags",
  "keepPayload",
  "key",
  "cost",
] as const;

/** The fields that a node and a callback have in JSON, and a task has not. */
export const NODE_JSON_FIELDS = ["name", "after", "onDead", "queue"] as const;
export const CALLBACK_JSON_FIELDS = ["queue"] as const;

/** The fields of a node and of a callback besides type and payload, after they were checked. */
export type NodeFields = Pick<FlowNode, (typeof NODE_JSON_FIELDS)[number] | "options">;
export type CallbackFields = Pick<FlowCallback, (typeof CALLBACK_JSON_FIELDS)[number] | "options">;

/** The options of a flow, which come before its nodes. */
export interface FlowHead extends FlowOptions {
  /** Whether nodes can be added later, until the flow is sealed. */
  open?: boolean | undefined;
}

/**
 * Checks fields that were read from JSON. Each function throws a HoldfastError that names the wrong field and the
 * reason.
 */
export interface FlowChecks {
  /** Checks every field of the flow except `nodes` and `on`. */
  head(fields: Record<string, unknown>): Omit<FlowHead, "on">;
  node: CheckTask<NodeFields>;
  callback: CheckTask<CallbackFields>;
}

// A payload in the JSON of a flow is inside the array of nodes and the object of the node, so it is two levels deeper.
const DEPTH = LIMITS.jsonDepth + 2;

/**
 * Reads flows in JSON, such as `{"id":"…","on":{…},"nodes":[…]}`. Nodes and callbacks are read in the same way as
 * tasks, so their payloads keep the exact text that was received.
 */
export class FlowReader {
  readonly #checks: FlowChecks;
  readonly #locate: (error: HoldfastError, path: string) => HoldfastError;
  readonly #callbacks: TaskReader<CallbackFields>;
  /** Reads nodes without the flow around them, such as the lines of an NDJSON stream. */
  readonly nodes: TaskReader<NodeFields>;

  /**
   * @param locate adds the place of the wrong node or callback to an error, as a JSON pointer such as `/nodes/3`
   * @param longestLine the longest line of NDJSON, bytes. @default no limit
   */
  constructor(
    checks: FlowChecks,
    locate: (error: HoldfastError, path: string) => HoldfastError,
    longestLine = Number.POSITIVE_INFINITY,
  ) {
    this.#checks = checks;
    this.#locate = locate;
    this.#callbacks = new TaskReader(checks.callback, longestLine);
    this.nodes = new TaskReader(checks.node, longestLine);
  }

  /**
   * Reads a whole flow. With `open: true`, `nodes` may be missing.
   * @throws HoldfastError invalid_json, payload_too_deep, payload_too_large, invalid_argument
   */
  whole(body: Buffer): { head: FlowHead; nodes: FlowNode[] } {
    const { text, object, head } = this.#read(body);
    const span = object.members.get("nodes");
    if (span !== undefined) return { head, nodes: this.list(bytesAt(text, span)) };
    if (head.open === true) return { head, nodes: [] };
    throw new HoldfastError("invalid_argument", 'the flow has no "nodes"', { field: "nodes" });
  }

  /** Reads the first line of a flow in NDJSON. @throws HoldfastError as `whole` */
  head(line: Buffer): FlowHead {
    const { object, head } = this.#read(line);
    if (object.members.has("nodes"))
      throw new HoldfastError(
        "invalid_argument",
        'the first line has the options of the flow; each node is a line of its own, not an element of "nodes"',
        { field: "nodes" },
      );
    return head;
  }

  /** Reads a JSON array of at most 1,000 nodes. @throws HoldfastError as `whole` */
  list(body: Buffer): FlowNode[] {
    const { bytes } = receivedText(body);
    const start = skipSpace(bytes, 0);
    if (bytes[start] !== OPEN_BRACKET)
      throw new HoldfastError("invalid_argument", "the nodes must be an array", { field: "nodes" });
    if (/^\[\s*\]\s*$/.test(bytes.toString("latin1", start, start + 64))) return [];
    return this.nodesOf(this.nodes.array(body), 0);
  }

  /**
   * Returns the nodes that a `TaskReader` has read.
   * @param before how many nodes of the flow were read before these, so that errors have the right position
   * @throws HoldfastError the error of the first wrong node
   */
  nodesOf({ tasks, refused }: ReadTasks<NodeFields>, before: number): FlowNode[] {
    for (const [place, error] of refused ?? []) throw this.#locate(error, `/nodes/${before + place}`);
    return tasks.types.map((type, place) => {
      const fields = tasks.options?.get(place);
      if (fields !== undefined) return { type, payloadText: payloadAt(tasks, place), ...fields };
      // A node without options is not passed to the check, so its missing name is reported here.
      const error = new HoldfastError("invalid_argument", "the node has no name", { field: "name" });
      throw this.#locate(error, `/nodes/${before + place}`);
    });
  }

  #read(body: Buffer): { text: JsonText; object: CutObject; head: FlowHead } {
    const text = receivedText(body);
    const start = skipSpace(text.bytes, 0);
    if (text.bytes[start] !== OPEN_BRACE)
      throw new HoldfastError("invalid_argument", 'a flow must be a JSON object: {"nodes":[…]}');
    const object = new CutObject(text, start, DEPTH);
    assertEnd(text, object.end);
    if (object.duplicate !== undefined) throw duplicateName(object.duplicate);
    const head: FlowHead = this.#checks.head(fieldsOf(object, ["nodes", "on"]));
    const on = object.members.get("on");
    if (on !== undefined) head.on = this.#callbacksIn(bytesAt(text, on));
    return { text, object, head };
  }

  #callbacksIn(bytes: Buffer): NonNullable<FlowHead["on"]> {
    if (bytes[0] !== OPEN_BRACE)
      throw new HoldfastError("invalid_argument", "on must be an object of callbacks", { field: "on" });
    const text = receivedText(bytes);
    const object = new CutObject(text, 0, DEPTH);
    if (object.duplicate !== undefined) throw duplicateName(object.duplicate);
    const on: NonNullable<FlowHead["on"]> = {};
    for (const [moment, span] of object.members) {
      if (!isMoment(moment))
        throw new HoldfastError(
          "invalid_argument",
          `on has the unknown moment "${moment.slice(0, 64)}": it takes ${FLOW_MOMENTS.join(", ")}`,
          { field: "on" },
        );
      try {
        const tasks = this.#callbacks.one(bytesAt(text, span));
        on[moment] = {
          type: tasks.types[0] as string,
          payloadText: payloadAt(tasks, 0),
          ...tasks.options?.get(0),
        };
      } catch (error) {
        throw error instanceof HoldfastError ? this.#locate(error, `/on/${moment}`) : error;
      }
    }
    return on;
  }
}

const isMoment = (name: string): name is FlowMoment => (FLOW_MOMENTS as readonly string[]).includes(name);

const bytesAt = ({ bytes }: JsonText, { start, end }: Span) => bytes.subarray(start, end);

function payloadAt({ bytes, spans }: TaskColumns<unknown>, place: number): string {
  return bytes.toString("utf8", spans[2 * place], spans[2 * place + 1]);
}
