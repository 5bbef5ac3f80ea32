import {
  type FlowCallback,
  type FlowNode,
  type FlowOptions,
  type FlowReceipt,
  HoldfastError,
} from "@holdfast/contracts";
import type { FlowHead } from "@holdfast/contracts/flow-json";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { NodesAdded, OpenFlow, Queue } from "holdfast";
import { RequestError } from "../http/problem.ts";
import type { HttpServer } from "../http/types.ts";
import { assertQueue } from "../identity/scopes.ts";
import { admitQueue, type Posted, type TaskRouteOptions } from "../tasks/intake.ts";
import { posted } from "../tasks/routes.ts";
import { blocksOf, headOf } from "./lines.ts";
import { flowReader } from "./read.ts";

type OpenedFlow = Pick<OpenFlow, "id" | "duplicate" | "add" | "seal">;

/** The part of the library's queue that the routes need. */
export interface FlowQueue extends Pick<Queue, "flow" | "getFlow" | "flowNodes" | "cancelFlow"> {
  openFlow(options: FlowOptions): Promise<OpenedFlow>;
}

export interface FlowRouteOptions extends Pick<TaskRouteOptions, "newQueues" | "metrics" | "withoutGet"> {
  /** Returns the queue with this name, as `TaskRouteOptions.queue` does. */
  queue(name: string): FlowQueue;
}

export function unknownFlow(queue: string, flow: string): HoldfastError {
  return new HoldfastError("not_found", `queue ${queue} has no flow ${flow} (or it was forgotten)`);
}

/** Reads and stores the flows and nodes of a POST. */
export class FlowIntake {
  readonly #app: HttpServer;
  readonly #options: FlowRouteOptions;

  constructor(app: HttpServer, options: FlowRouteOptions) {
    this.#app = app;
    this.#options = options;
  }

  async create(request: FastifyRequest, reply: FastifyReply): Promise<FlowReceipt> {
    const post = posted(request);
    assertNoKey(post);
    const queue = this.#options.queue(post.queue);
    if (isStream(request)) return this.#createFromLines(queue, post, request, reply);
    const { head, nodes } = flowReader.whole(bytesOf(post));
    const traced = nodesWith(nodes, post);
    const { open, ...options } = headWith(head, post);
    await admitQueue(this.#options, post);
    if (!open) return queue.flow({ ...options, nodes: traced });
    const flow = await queue.openFlow(options);
    const added = flow.duplicate ? undefined : await stillOpen(flow, () => flow.add(traced));
    return receiptOf(queue, flow, added);
  }

  /** Stores nodes while the rest of the body is arriving. Only one block of lines is in memory. */
  async #createFromLines(
    queue: FlowQueue,
    post: Posted,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FlowReceipt> {
    const { line, rest } = await headOf(this.#longBody(request, reply));
    const { open, ...options } = headWith(flowReader.head(line), post);
    const blocks = blocksOf(this.#app, request, reply, rest);
    // The first block is read now, so that its errors are found before anything is stored.
    let block = await blocks.next();
    if (!block.done) assertQueues(block.value, post.identity);
    await admitQueue(this.#options, post);
    const flow = await queue.openFlow(options);
    const added = await stillOpen(flow, async () => {
      const sum = { added: 0, known: 0 };
      for (; !block.done; block = await blocks.next()) {
        // If the flow was stored before, the rest of the body is read too. Otherwise its sender could not read the
        // answer.
        if (!flow.duplicate) add(sum, await flow.add(nodesWith(block.value, post)));
      }
      if (!flow.duplicate && !open) await flow.seal();
      return sum;
    });
    return receiptOf(queue, flow, added);
  }

  async extend(request: FastifyRequest, reply: FastifyReply, id: string): Promise<NodesAdded> {
    const post = posted(request);
    assertNoKey(post);
    const queue = this.#options.queue(post.queue);
    const sum = { added: 0, known: 0 };
    if (!isStream(request)) {
      const nodes = nodesWith(flowReader.list(bytesOf(post)), post);
      const flow = await openFlowOf(queue, post.queue, id);
      return nodes.length === 0 ? sum : flow.add(nodes);
    }
    const blocks = blocksOf(this.#app, request, reply, this.#longBody(request, reply));
    let block = await blocks.next();
    const flow = await openFlowOf(queue, post.queue, id);
    return stillOpen(flow, async () => {
      for (; !block.done; block = await blocks.next()) add(sum, await flow.add(nodesWith(block.value, post)));
      return sum;
    });
  }

  async seal(name: string, id: string): Promise<FlowReceipt> {
    const queue = this.#options.queue(name);
    const view = await queue.getFlow(id);
    if (view === null) throw unknownFlow(name, id);
    if (view.state !== "open" && !view.cancelRequested)
      return { id, nodes: view.counts.total, duplicate: true };
    const flow = await queue.openFlow({ id });
    return flow.duplicate ? { id, nodes: view.counts.total, duplicate: true } : flow.seal();
  }

  #longBody(request: FastifyRequest, reply: FastifyReply): AsyncIterable<Buffer> {
    this.#app.basics.allowLongBody(request.raw, reply.raw);
    return (request.body ?? []) as AsyncIterable<Buffer>;
  }
}

/**
 * @throws HoldfastError not_found, too_late, conflict (the flow is sealed or was cancelled)
 */
async function openFlowOf(queue: FlowQueue, name: string, id: string): Promise<OpenedFlow> {
  const view = await queue.getFlow(id);
  if (view === null) throw unknownFlow(name, id);
  if (view.state === "ended") throw new HoldfastError("too_late", `flow ${id} has already ended`);
  const flow = view.state === "open" ? await queue.openFlow({ id }) : null;
  if (flow !== null && !flow.duplicate) return flow;
  throw new HoldfastError("conflict", `flow ${id} is sealed: only its running nodes can add nodes`);
}

/** Runs `work`, which adds nodes. If they are refused, the error says that the flow is open and what to do. */
async function stillOpen<Result>(flow: OpenedFlow, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    const { code, message, field, retryAfterMs } = error;
    const help = `${message}; flow ${flow.id} is open and has the nodes before this one: send the request again with this id, or cancel the flow`;
    if (error instanceof RequestError) throw new RequestError(code, help, error.errors);
    throw new HoldfastError(code, help, {
      cause: error,
      ...(field === undefined ? {} : { field }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  }
}

async function receiptOf(
  queue: FlowQueue,
  { id, duplicate }: OpenedFlow,
  added: NodesAdded | undefined,
): Promise<FlowReceipt> {
  const view = await queue.getFlow(id);
  const given = (added?.added ?? 0) + (added?.known ?? 0);
  return { id, nodes: view?.counts.total ?? given, duplicate };
}

function add(sum: NodesAdded, { added, known }: NodesAdded): void {
  sum.added += added;
  sum.known += known;
}

const isStream = ({ headers }: FastifyRequest) => /ndjson/i.test(headers["content-type"] ?? "");

/** Returns the nodes with the trace context of their request. */
function nodesWith(nodes: FlowNode[], { trace, identity }: Posted): FlowNode[] {
  assertQueues(nodes, identity);
  if (trace === undefined) return nodes;
  return nodes.map((node) => ({ ...node, options: { ...node.options, ...trace } }));
}

/** Checks the queues that nodes or callbacks name. @throws HoldfastError forbidden */
function assertQueues(tasks: readonly (FlowCallback | undefined)[], identity: Posted["identity"]): void {
  for (const task of tasks) if (task?.queue !== undefined) assertQueue(identity, task.queue);
}

function headWith(head: FlowHead, { trace, identity }: Posted): FlowHead {
  assertQueues(Object.values(head.on ?? {}), identity);
  if (trace === undefined || head.on === undefined) return head;
  const on = Object.entries(head.on).map(([moment, callback]) => [
    moment,
    { ...callback, options: { ...callback?.options, ...trace } },
  ]);
  return { ...head, on: Object.fromEntries(on) as NonNullable<FlowHead["on"]> };
}

function bytesOf({ body }: Posted): Buffer {
  if (Buffer.isBuffer(body) && body.length > 0) return body;
  throw new RequestError("invalid_json", "the body is empty: send a flow or its nodes as application/json");
}

function assertNoKey({ key }: Posted): void {
  if (key === undefined) return;
  throw new RequestError("invalid_request", "Idempotency-Key is for one task: give the flow an id");
}
