import type { QueueStats } from "@holdfast/contracts";
import type { QueueList, QueueRates, SeriesPoint, SeriesReply } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { path, request } from "./http.ts";

// Wire types come from the TypeBox schemas that the service itself validates with and makes its
// OpenAPI document of: one source fewer to drift than a generated copy.
export type { QueueList, QueueRates, QueueStats, SeriesPoint };

/** Everything known about a queue hangs below this key, so that one invalidation refreshes it. */
export const queueKey = (queue: string) => ["queue", queue] as const;
export const queuesKey = ["queues"] as const;

/** `GET /v1/queues`. */
export const queuesQuery = () =>
  queryOptions({
    queryKey: queuesKey,
    queryFn: ({ signal }) => request<QueueList>("/v1/queues", { signal }),
  });

/** `GET /v1/queues/:queue/series`: one point a second, as far back as the service remembers. */
export const seriesQuery = (queue: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "series"] as const,
    queryFn: ({ signal }) => request<SeriesReply>(path`/v1/queues/${queue}/series`, { signal }),
    // The live stream goes on from here: only the past is asked for, once per visit.
    staleTime: 60_000,
  });

/** `POST /v1/queues/:queue/pause`. */
export const pauseQueue = (queue: string, reason: string): Promise<unknown> =>
  request(path`/v1/queues/${queue}/pause`, { method: "POST", body: reason === "" ? {} : { reason } });

/** `POST /v1/queues/:queue/resume`. */
export const resumeQueue = (queue: string): Promise<unknown> =>
  request(path`/v1/queues/${queue}/resume`, { method: "POST", body: {} });
