import type { OperationView } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { path, request } from "./http.ts";

export type { OperationView };

export const operationKey = (id: string) => ["operation", id] as const;

/** `GET /v1/operations/:id`. */
export const operationQuery = (id: string) =>
  queryOptions({
    queryKey: operationKey(id),
    queryFn: ({ signal }) => request<OperationView>(path`/v1/operations/${id}`, { signal }),
  });

/** `POST /v1/operations/:id/cancel`. */
export const cancelOperation = (id: string): Promise<OperationView> =>
  request(path`/v1/operations/${id}/cancel`, { method: "POST", body: {} });

/** `POST /v1/queues/:queue/burst`: 202 and an operation. */
export const runBurst = (queue: string, tasks: number, failRate: number): Promise<OperationView> =>
  request(path`/v1/queues/${queue}/burst`, { method: "POST", body: { tasks, failRate } });
