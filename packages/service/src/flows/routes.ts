import {
  type FlowNode,
  type FlowOptions,
  type FlowReceipt,
  HoldfastError,
  LIMITS,
} from "@holdfast/contracts";
import {
  CancelFlowReply,
  FlowNodePageSchema,
  FlowNodesQuery,
  FlowParams,
  FlowReceiptSchema,
  FlowViewSchema,
  NodesAddedReply,
  QueueParams,
} from "@holdfast/contracts/api";
import type { FlowHead } from "@holdfast/contracts/flow-json";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { NodesAdded, OpenFlow, Queue, TraceContext } from "holdfast";
import { RequestError } from "../http/problem.ts";
import type { HttpServer } from "../http/types.ts";
import { admitQueue, openQueue, type Posted, type TaskRouteOptions } from "../tasks/intake.ts";
import { LINE_HELP } from "../tasks/lines.ts";
import { BATCH_LIMIT_BYTES, exceptBody, posted, storedBy } from "../tasks/routes.ts";
import { problemSchema } from "../tasks/schema.ts";
import { blocksOf, headOf } from "./lines.ts";
import { flowReader } from "./read.ts";
import { flowSchema, nodesSchema } from "./schema.ts";

type OpenedFlow = Pick<OpenFlow, "id" | "duplicate" | "add" | "seal">;

/** The part of the library's queue that the routes need. */
export interface FlowQueue extends Pick<Queue, "flow" | "getFlow" | "flowNodes" | "cancelFlow"> {
  openFlow(options: FlowOptions): Promise<OpenedFlow>;
}

export interface FlowRouteOptions
  extends Pick<TaskRouteOptions, "assertOpen" | "newQueues" | "metrics" | "withoutGet"> {
  /** Returns the queue of that name. Called for every request, so it should cache the queues. */
  queue(name: string): FlowQueue;
}

const tags = ["flows"];

/** Create, extend, seal, show and cancel flows: the routes of producer-api, which observability serves as well. */
export function registerFlowRoutes(app: HttpServer, options: FlowRouteOptions): void {
  const intake = new FlowIntake(app, options);
  const { metrics } = options;
  const counted = async <Result>(queue: string, work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      metrics?.rejected(queue, error);
      throw error;
    }
  };

  app.post(
    "/v1/queues/:queue/flows",
    {
      config: { rawBody: true, lines: true, scope: "enqueue" },
      bodyLimit: BATCH_LIMIT_BYTES,
      // `flowReader` reads the bytes of the body. Its schema is only for the API description.
      validatorCompiler: exceptBody(app),
      schema: {
        tags,
        summary: "Create a flow",
        description: `A flow with up to ${LIMITS.batchTasks} nodes, or any number of nodes as application/x-ndjson: the first line has the options of the flow, each other line one node, which may come after nodes of earlier lines. Lines are stored as they arrive. If the request breaks off or is refused after the first lines, the flow stays open, and the same request with its id goes on: nodes that are there are left as they are. ${LINE_HELP} 201: stored. 200: the flow with this id was stored and sealed before, and nothing was added.`,
        consumes: ["application/json", "application/x-ndjson"],
        params: QueueParams,
        body: flowSchema,
        response: { 201: FlowReceiptSchema, 200: FlowReceiptSchema, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue } = request.params;
      const receipt = await counted(queue, intake.create(request, reply));
      if (!receipt.duplicate) metrics?.flowStored(queue, receipt.nodes);
      storedBy.set(request, { accepted: receipt.duplicate ? 0 : receipt.nodes });
      return reply
        .code(receipt.duplicate ? 200 : 201)
        .header("location", `/v1/queues/${queue}/flows/${receipt.id}`)
        .send(receipt);
    },
  );

  app.post(
    "/v1/queues/:queue/flows/:flow/nodes",
    {
      config: { rawBody: true, lines: true, scope: "enqueue" },
      bodyLimit: BATCH_LIMIT_BYTES,
      validatorCompiler: exceptBody(app),
      schema: {
        tags,
        summary: "Add nodes to an open flow",
        description: `A JSON array of up to ${LIMITS.batchTasks} nodes, or any number of nodes as application/x-ndjson. A node with a name that the flow has is left as it is, so the request can be repeated. 409: the flow is sealed, was cancelled or has ended.`,
        consumes: ["application/json", "application/x-ndjson"],
        params: FlowParams,
        body: nodesSchema,
        response: { 200: NodesAddedReply, default: problemSchema },
      },
    },
    async (request, reply) => {
      const { queue, flow } = request.params;
      const added = await counted(queue, intake.extend(request, reply, flow));
      metrics?.nodesStored(queue, added.added);
      storedBy.set(request, { accepted: added.added });
      return { id: flow, ...added };
    },
  );

  app.post(
    "/v1/queues/:queue/flows/:flow/seal",
    {
      config: { scope: "enqueue" },
      schema: {
        tags,
        summary: "Seal an open flow",
        description:
          "No more nodes come from outside. A flow whose nodes have all ended ends now. `duplicate` says that it was sealed before. 409: the flow was cancelled.",
        params: FlowParams,
        response: { 200: FlowReceiptSchema, default: problemSchema },
      },
    },
    async (request) => {
      const { queue, flow } = request.params;
      return intake.seal(queue, flow);
    },
  );

  app.post(
    "/v1/queues/:queue/flows/:flow/cancel",
    {
      config: { scope: "enqueue" },
      schema: {
        tags,
        summary: "Cancel a flow",
        description:
          "No node of it begins after the answer. Waiting nodes end soon, and running ones are asked to stop. 409: the flow has already ended.",
        params: FlowParams,
        response: { 200: CancelFlowReply, default: problemSchema },
      },
    },
    async (request) => {
      const { queue, flow } = request.params;
      const outcome = await openQueue(options, queue).cancelFlow(flow);
      if (outcome === "not_found") throw unknownFlow(queue, flow);
      if (outcome === "too_late") throw new HoldfastError("too_late", `flow ${flow} has already ended`);
      return { id: flow, outcome };
    },
  );

  if (options.withoutGet) return;
  app.get(
    "/v1/queues/:queue/flows/:flow",
    {
      schema: {
        tags,
        summary: "State and counts of a flow",
        params: FlowParams,
        response: { 200: FlowViewSchema, default: problemSchema },
      },
    },
    async (request) => {
      const { queue, flow } = request.params;
      const view = await openQueue(options, queue).getFlow(flow);
      if (view === null) throw unknownFlow(queue, flow);
      return view;
    },
  );

  app.get(
    "/v1/queues/:queue/flows/:flow/nodes",
    {
      schema: {
        tags,
        summary: "The nodes of a flow",
        description:
          "A page, in the order in which the nodes were added, and the cursor of the next one. With `state` a page can be short or empty before the end: continue while `cursor` is not null.",
        params: FlowParams,
        querystring: FlowNodesQuery,
        response: { 200: FlowNodePageSchema, default: problemSchema },
      },
    },
    async (request) => {
      const { queue, flow } = request.params;
      return openQueue(options, queue).flowNodes(flow, request.query);
    },
  );
}

export function unknownFlow(queue: string, flow: string): HoldfastError {
  return new HoldfastError("not_found", `queue ${queue} has no flow ${flow} (or it was forgotten)`);
}

/** Reads and stores the flows and nodes of a POST. */
class FlowIntake {
  readonly #app: HttpServer;
  readonly #options: FlowRouteOptions;

  constructor(app: HttpServer, options: FlowRouteOptions) {
    this.#app = app;
    this.#options = options;
  }

  async create(request: FastifyRequest, reply: FastifyReply): Promise<FlowReceipt> {
    const post = posted(request);
    assertNoKey(post);
    const queue = openQueue(this.#options, post.queue);
    if (isStream(request)) return this.#createFromLines(queue, post, request, reply);
    const { head, nodes } = flowReader.whole(bytesOf(post));
    const traced = nodesWith(nodes, post.trace);
    const { open, ...options } = headWith(head, post.trace);
    await admitQueue(this.#options, post);
    if (!open) return queue.flow({ ...options, nodes: traced });
    const flow = await queue.openFlow(options);
    const added = flow.duplicate ? undefined : await stillOpen(flow, () => flow.add(traced));
    return receiptOf(queue, flow, added);
  }

  /** Stores nodes while the rest of the body still arrives. Only the block of lines that was read last is held. */
  async #createFromLines(
    queue: FlowQueue,
    post: Posted,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FlowReceipt> {
    const { line, rest } = await headOf(this.#longBody(request, reply));
    const { open, ...options } = headWith(flowReader.head(line), post.trace);
    const blocks = blocksOf(this.#app, request, reply, rest);
    // Errors of the first lines are found before anything is stored.
    let block = await blocks.next();
    await admitQueue(this.#options, post);
    const flow = await queue.openFlow(options);
    const added = await stillOpen(flow, async () => {
      const sum = { added: 0, known: 0 };
      for (; !block.done; block = await blocks.next()) {
        // The body of a flow that is there is read to its end, or its sender could not read the answer.
        if (!flow.duplicate) add(sum, await flow.add(nodesWith(block.value, post.trace)));
      }
      if (!flow.duplicate && !open) await flow.seal();
      return sum;
    });
    return receiptOf(queue, flow, added);
  }

  async extend(request: FastifyRequest, reply: FastifyReply, id: string): Promise<NodesAdded> {
    const post = posted(request);
    assertNoKey(post);
    const queue = openQueue(this.#options, post.queue);
    const sum = { added: 0, known: 0 };
    if (!isStream(request)) {
      const nodes = nodesWith(flowReader.list(bytesOf(post)), post.trace);
      const flow = await openFlowOf(queue, post.queue, id);
      return nodes.length === 0 ? sum : flow.add(nodes);
    }
    const blocks = blocksOf(this.#app, request, reply, this.#longBody(request, reply));
    let block = await blocks.next();
    const flow = await openFlowOf(queue, post.queue, id);
    return stillOpen(flow, async () => {
      for (; !block.done; block = await blocks.next())
        add(sum, await flow.add(nodesWith(block.value, post.trace)));
      return sum;
    });
  }

  async seal(name: string, id: string): Promise<FlowReceipt> {
    const queue = openQueue(this.#options, name);
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

/** @throws HoldfastError not_found, too_late, conflict (it is sealed or was cancelled) */
async function openFlowOf(queue: FlowQueue, name: string, id: string): Promise<OpenedFlow> {
  const view = await queue.getFlow(id);
  if (view === null) throw unknownFlow(name, id);
  if (view.state === "ended") throw new HoldfastError("too_late", `flow ${id} has already ended`);
  const flow = view.state === "open" ? await queue.openFlow({ id }) : null;
  if (flow !== null && !flow.duplicate) return flow;
  throw new HoldfastError("conflict", `flow ${id} is sealed: only its running nodes can add nodes`);
}

/** Runs an addition. If it is refused, the error says that the flow is open and what to do. */
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

/** The nodes as parts of the trace of their request. */
function nodesWith(nodes: FlowNode[], trace: TraceContext | undefined): FlowNode[] {
  if (trace === undefined) return nodes;
  return nodes.map((node) => ({ ...node, options: { ...node.options, ...trace } }));
}

function headWith(head: FlowHead, trace: TraceContext | undefined): FlowHead {
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
