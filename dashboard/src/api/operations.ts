import type { OperationView } from "@holdfast/contracts/api";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";

export type { OperationView };
export type OperationState = OperationView["state"];

export const operationsKey = ["operations"] as const;
export const operationKey = (id: string) => ["operation", id] as const;

/** Whether the operation can still change. */
export const isOpen = ({ state }: { state: OperationState }): boolean =>
  state === "running" || state === "paused";

/** Calls `GET /v1/operations`. The pages have the newest operations first. */
export const operationsQuery = () =>
  infiniteQueryOptions({
    queryKey: operationsKey,
    queryFn: ({ pageParam: cursor, signal }) =>
      api("GET /v1/operations", { query: { ...given({ cursor }), limit: 50 }, signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

export const operationQuery = (id: string) =>
  queryOptions({
    queryKey: operationKey(id),
    queryFn: ({ signal }) => api("GET /v1/operations/:id", { params: { id }, signal }),
  });

/** Calls `GET /v1/operations/:id/failures`, which has the error of each task that was not moved. */
export const operationFailuresQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: [...operationKey(id), "failures"] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      api("GET /v1/operations/:id/failures", {
        params: { id },
        query: given({ cursor }),
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

export type OperationVerb = "pause" | "resume" | "cancel" | "undo";

export const actOnOperation = (id: string, verb: OperationVerb) =>
  api(`POST /v1/operations/:id/${verb}`, { params: { id }, body: {} });

/** Calls `POST /v1/queues/:queue/burst`, which answers 202 and an operation. */
export const runBurst = (queue: string, tasks: number, failRate: number) =>
  api("POST /v1/queues/:queue/burst", { params: { queue }, body: { tasks, failRate } });
