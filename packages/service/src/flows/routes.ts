import { type FlowNodePage, HoldfastError, LIMITS } from "@holdfast/contracts";
import {
  CancelFlowReply,
  FlowNodePageSchema,
  FlowNodesQuery,
  FlowParams,
  FlowReceiptSchema,
  FlowViewSchema,
  type Identity,
  NodesAddedReply,
  QueueParams,
} from "@holdfast/contracts/api";
import type { HttpServer } from "../http/types.ts";
import { mayUseQueue } from "../identity/access.ts";
import { LINE_HELP } from "../tasks/lines.ts";
import { BATCH_LIMIT_BYTES, exceptBody, storedBy } from "../tasks/routes.ts";
import { problemSchema } from "../tasks/schema.ts";
import { FlowIntake, type FlowRouteOptions, unknownFlow } from "./intake.ts";
import { flowSchema, nodesSchema } from "./schema.ts";

const tags = ["flows"];

/** Leaves out the results of nodes in queues that the sender may not use. */
export function visibleTo(identity: Identity, page: FlowNodePage): FlowNodePage {
  const nodes = page.nodes.map((node) =>
    mayUseQueue(identity, node.queue) ? node : { ...node, resultText: null },
  );
  return { ...page, nodes };
}

/** The routes that create, extend, seal, show and cancel flows. Both producer-api and observability serve them. */
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
      // `flowReader` reads the bytes of the body. The schema of the body is only for the API description.
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
      const outcome = await options.queue(queue).cancelFlow(flow);
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
      const view = await options.queue(queue).getFlow(flow);
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
      return visibleTo(request.identity, await options.queue(queue).flowNodes(flow, request.query));
    },
  );
}
