import type { FlowGraph, FlowView } from "@holdfast/contracts";
import {
  FlowGraphSchema,
  FlowListQuery,
  FlowNodePageSchema,
  FlowNodesQuery,
  FlowPageSchema,
  FlowParams,
  FlowReplayBody,
  FlowViewSchema,
  OperationView,
  QueueParams,
  ReplayReply,
  SYNC_LIMIT,
} from "@holdfast/contracts/api";
import { type HttpServer, unknownFlow, visibleTo } from "@holdfast/service";
import { replayDead } from "../operators/replay.ts";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/**
 * Adds the routes that read and replay flows. The routes that create, change and cancel flows are in packages/service,
 * because producer-api has them too.
 */
export function flowRoutes(app: HttpServer, context: RouteContext): void {
  const { observer } = context;
  const tags = [TAGS.flows];

  app.get(
    "/v1/queues/:queue/flows",
    {
      schema: {
        tags,
        summary: "List the flows of a queue",
        description:
          "A page of flows and the cursor of the next page. Running flows come first, oldest first; then ended flows with dead letters; then the other ended flows and the open ones, by the time when they are forgotten or must be sealed, latest first. A page can be short before the end.",
        params: QueueParams,
        querystring: FlowListQuery,
        response: { 200: FlowPageSchema, ...PROBLEMS },
      },
    },
    async ({ params, query }) => observer.flows(params.queue, query),
  );

  app.get(
    "/v1/queues/:queue/flows/:flow",
    {
      schema: {
        tags,
        summary: "State and counts of a flow",
        params: FlowParams,
        response: { 200: FlowViewSchema, ...PROBLEMS },
      },
    },
    async ({ params: { queue, flow } }) => flowOf(queue, flow),
  );

  app.get(
    "/v1/queues/:queue/flows/:flow/nodes",
    {
      config: { showsPayloads: true },
      schema: {
        tags,
        summary: "The nodes of a flow, with their results",
        description:
          "A page, in the order in which the nodes were added, and the cursor of the next one. With `state` a page can be short or empty before the end: continue while `cursor` is not null.",
        params: FlowParams,
        querystring: FlowNodesQuery,
        response: { 200: FlowNodePageSchema, ...PROBLEMS },
      },
    },
    async ({ params: { queue, flow }, query, identity }) =>
      visibleTo(identity, await observer.flowNodes(queue, flow, query)),
  );

  // Requests for the same flow that come at the same time share one reading of it.
  const walks = new Map<string, Promise<FlowGraph>>();

  app.get(
    "/v1/queues/:queue/flows/:flow/graph",
    {
      schema: {
        tags,
        summary: "The graph of a flow, with nodes in groups",
        description:
          "Groups of nodes by layer and type, with counts by state, the critical path, and the nodes that the flow waits for. A flow of up to 60 nodes has one group per node. At most 10,000 nodes are read.",
        params: FlowParams,
        response: { 200: FlowGraphSchema, ...PROBLEMS },
      },
    },
    async ({ params: { queue, flow } }) => {
      const key = `${queue} ${flow}`;
      const walk = walks.get(key) ?? observer.flowGraph(queue, flow).finally(() => walks.delete(key));
      walks.set(key, walk);
      return walk;
    },
  );

  app.post(
    "/v1/queues/:queue/flows/:flow/replay",
    {
      schema: {
        tags,
        summary: "Replay the dead letters of a flow",
        description: `Replays every node and callback of the flow that is dead, like \`POST …/dead-letters/replay\` with a filter by flow. The nodes that were skipped because of them wait again. Up to ${SYNC_LIMIT}: 200 with the result. More, or with \`ratePerSecond\` or \`canary\`, or in a queue with many dead letters: 202 with an operation.`,
        params: FlowParams,
        body: FlowReplayBody,
        response: { 200: ReplayReply, 202: OperationView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const { queue, flow } = request.params;
      await flowOf(queue, flow);
      return replayDead(context, { queue, selection: { filter: { flow } } }, request.body, request, reply);
    },
  );

  async function flowOf(queue: string, flow: string): Promise<FlowView> {
    const view = await observer.getFlow(queue, flow);
    if (view === null) throw unknownFlow(queue, flow);
    return view;
  }
}
