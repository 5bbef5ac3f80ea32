import type { FlowGraph, TaskState } from "@holdfast/contracts";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";
import { queueKey } from "./queues.ts";

const flowKey = (queue: string, id: string) => [...queueKey(queue), "flow", id] as const;

/** Calls `GET /v1/queues/:queue/flows`, page by page. A page can be short before the end. */
export const flowsQuery = (queue: string) =>
  infiniteQueryOptions({
    queryKey: [...queueKey(queue), "flows"] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      api("GET /v1/queues/:queue/flows", {
        params: { queue },
        query: { ...given({ cursor }), limit: 50 },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** A graph, and how long the request for it took, ms. */
export type TimedGraph = FlowGraph & { tookMs: number };

export const flowGraphQuery = (queue: string, id: string) =>
  queryOptions({
    queryKey: [...flowKey(queue, id), "graph"] as const,
    queryFn: async ({ signal }): Promise<TimedGraph> => {
      const begunMs = performance.now();
      const graph = await api("GET /v1/queues/:queue/flows/:flow/graph", {
        params: { queue, flow: id },
        signal,
      });
      return { ...graph, tookMs: performance.now() - begunMs };
    },
  });

/** Calls `GET /v1/queues/:queue/flows/:flow/nodes`, page by page. With a state, a page can be empty before the end. */
export const flowNodesQuery = (queue: string, id: string, state: TaskState | undefined) =>
  infiniteQueryOptions({
    queryKey: [...flowKey(queue, id), "nodes", state ?? ""] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      api("GET /v1/queues/:queue/flows/:flow/nodes", {
        params: { queue, flow: id },
        query: { ...given({ cursor, state }), limit: 100 },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

export const cancelFlow = (queue: string, id: string) =>
  api("POST /v1/queues/:queue/flows/:flow/cancel", { params: { queue, flow: id } });
