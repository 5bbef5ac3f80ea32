import type { WorkerView } from "@holdfast/contracts";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";

export type { WorkerView };

export const workersKey = ["workers"] as const;

export const workersQuery = () =>
  queryOptions({
    queryKey: workersKey,
    queryFn: async ({ signal }): Promise<WorkerView[]> => (await api("GET /v1/workers", { signal })).workers,
  });

/** Calls `POST /v1/workers/:id/drain`. The worker then acquires no more tasks. */
export const drainWorker = (id: string) => api("POST /v1/workers/:id/drain", { params: { id }, body: {} });

export const resumeWorker = (id: string) => api("POST /v1/workers/:id/resume", { params: { id }, body: {} });
