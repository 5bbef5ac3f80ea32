import type { WorkerView } from "@holdfast/contracts";
import { queryOptions } from "@tanstack/react-query";
import { request } from "./http.ts";

export type { WorkerView };

export const workersKey = ["workers"] as const;

/** `GET /v1/workers`. */
export const workersQuery = () =>
  queryOptions({
    queryKey: workersKey,
    queryFn: async ({ signal }) =>
      (await request<{ workers: WorkerView[] }>("/v1/workers", { signal })).workers,
  });
