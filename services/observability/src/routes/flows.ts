import {
  FlowListQuery,
  FlowNodePageSchema,
  FlowNodesQuery,
  FlowPageSchema,
  FlowParams,
  FlowViewSchema,
  QueueParams,
} from "@holdfast/contracts/api";
import { type HttpServer, unknownFlow } from "@holdfast/service";
import { PROBLEMS, type RouteContext, TAGS } from "./context.ts";

/** The routes that read flows. Those that change flows are shared with producer-api. */
export function flowRoutes(app: HttpServer, { observer }: RouteContext): void {
  const tags = [TAGS.flows];

  app.get(
    "/v1/queues/:queue/flows",
    {
      schema: {
        tags,
        summary: "List the flows of a queue",
        description:
          "A page and the cursor of the next one: flows to be sealed and to be forgotten first, by that time, then those that run. A page can be short before the end.",
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
    async ({ params: { queue, flow } }) => {
      const view = await observer.getFlow(queue, flow);
      if (view === null) throw unknownFlow(queue, flow);
      return view;
    },
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
    async ({ params: { queue, flow }, query }) => observer.flowNodes(queue, flow, query),
  );
}
