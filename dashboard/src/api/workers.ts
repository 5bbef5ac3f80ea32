import type { WorkerView } from "@holdfast/contracts";
import { queryOptions } from "@tanstack/react-query";
import { api, data } from "./client.ts";

export type { WorkerView };

export const workersKey = ["workers"] as const;

/** `GET /v1/workers`. */
export const workersQuery = () =>
  queryOptions({
    queryKey: workersKey,
    queryFn: async ({ signal }): Promise<WorkerView[]> =>
      (await data(api.GET("/v1/workers", { signal }))).workers,
  });

const workerAt = (id: string) => ({ params: { path: { id } }, body: {} });

/** `POST /v1/workers/:id/drain`: it takes nothing more. */
export const drainWorker = (id: string) => data(api.POST("/v1/workers/{id}/drain", workerAt(id)));

/** `POST /v1/workers/:id/resume`. */
export const resumeWorker = (id: string) => data(api.POST("/v1/workers/{id}/resume", workerAt(id)));
