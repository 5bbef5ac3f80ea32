import type { WorkerView as WireWorker } from "@holdfast/contracts";
import { queryOptions } from "@tanstack/react-query";
import { agreed } from "./agreed.ts";
import { api, data } from "./client.ts";

export interface WorkerTask {
  id: string;
  queue: string;
  type: string;
  startedAt: number;
}

export interface WorkerView extends WireWorker {
  /** What runs in it now, at most 100. */
  tasks?: WorkerTask[];
}

export const workersKey = ["workers"] as const;

/** `GET /v1/workers`. */
export const workersQuery = () =>
  queryOptions({
    queryKey: workersKey,
    queryFn: async ({ signal }): Promise<WorkerView[]> =>
      (await data(api.GET("/v1/workers", { signal }))).workers,
  });

/** `POST /v1/workers/:id/{drain,resume}`. */
export const actOnWorker = (id: string, verb: "drain" | "resume") =>
  agreed<unknown>("POST", `/v1/workers/{id}/${verb}`, { path: { id }, body: {} });
