import type { HeatColumn, TypeStats } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";
import { queueKey } from "./queues.ts";

export type { HeatColumn, TypeStats };

/** Calls `GET /v1/queues/:queue/types`, with the heat map of one type. */
export const typesQuery = (queue: string, windowMs: number, type: string | undefined) =>
  queryOptions({
    queryKey: [...queueKey(queue), "types", windowMs, type] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/queues/:queue/types", { params: { queue }, query: given({ windowMs, type }), signal }),
    staleTime: 5_000,
  });
