import type { OperationView as WireOperation } from "@holdfast/contracts/api";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { agreed } from "./agreed.ts";
import { api, data, queueAt } from "./client.ts";

export interface Canary {
  size: number;
  state: "waiting" | "running" | "passed" | "stopped";
  completed?: number;
  /** Why it stopped. */
  detail?: string | null;
}

export type OperationState = WireOperation["state"] | "paused";

/** What newer services tell on top of the fields that every one has. */
export interface OperationView extends Omit<WireOperation, "state" | "kind"> {
  kind: WireOperation["kind"] | "restore";
  state: OperationState;
  actor?: string;
  reason?: string | null;
  to?: string | null;
  ratePerSecond?: number | null;
  canary?: Canary | null;
  undoUntil?: number | null;
  undoneAt?: number | null;
  failures?: number;
}

/** A task that an operation could not move. */
export interface OperationFailure {
  id: string;
  at: number;
  code: string;
  detail: string;
}

export const operationsKey = ["operations"] as const;
export const operationKey = (id: string) => ["operation", id] as const;

/** Whether it still changes by itself or can be made to. */
export const isOpen = ({ state }: { state: OperationState }): boolean =>
  state === "running" || state === "paused";

/** `GET /v1/operations`, newest first, by cursor. */
export const operationsQuery = () =>
  infiniteQueryOptions({
    queryKey: operationsKey,
    queryFn: ({ pageParam: cursor, signal }) =>
      agreed<{ operations: OperationView[]; cursor?: string | null }>("GET", "/v1/operations", {
        query: { cursor, limit: 50 },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** `GET /v1/operations/:id`. */
export const operationQuery = (id: string) =>
  queryOptions({
    queryKey: operationKey(id),
    queryFn: async ({ signal }): Promise<OperationView> =>
      data(api.GET("/v1/operations/{id}", { params: { path: { id } }, signal })),
  });

/** `GET /v1/operations/:id/failures`: what happened to each task that was not moved. */
export const operationFailuresQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: [...operationKey(id), "failures"] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      agreed<{ failures: OperationFailure[]; cursor?: string | null }>(
        "GET",
        "/v1/operations/{id}/failures",
        { path: { id }, query: { cursor }, signal },
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

export type OperationVerb = "pause" | "resume" | "cancel" | "undo";

/** `POST /v1/operations/:id/{pause,resume,cancel,undo}`. */
export const actOnOperation = (id: string, verb: OperationVerb) =>
  agreed<OperationView>("POST", `/v1/operations/{id}/${verb}`, { path: { id } });

/** `POST /v1/queues/:queue/burst`: 202 and an operation. */
export const runBurst = (queue: string, tasks: number, failRate: number): Promise<OperationView> =>
  data(api.POST("/v1/queues/{queue}/burst", { ...queueAt(queue), body: { tasks, failRate } }));
