import type { QueueStats } from "@holdfast/contracts";
import type { QueueList, QueueRates, SeriesPoint, SettingsBody } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api, data, given, queueAt } from "./client.ts";

export type { QueueList, QueueRates, QueueStats, SeriesPoint, SettingsBody };

/** Everything known about a queue hangs below this key, so that one invalidation refreshes it. */
export const queueKey = (queue: string) => ["queue", queue] as const;
export const queuesKey = ["queues"] as const;

/** `GET /v1/queues`. */
export const queuesQuery = () =>
  queryOptions({
    queryKey: queuesKey,
    queryFn: ({ signal }) => data(api.GET("/v1/queues", { signal })),
  });

/** Finer points than pixels only cost time. */
const MOST_POINTS = 240;

/** `GET /v1/queues/:queue/series`: the last `windowMs`, as far as they are remembered. */
export const seriesQuery = (queue: string, windowMs: number) =>
  queryOptions({
    queryKey: [...queueKey(queue), "series", windowMs] as const,
    queryFn: ({ signal }) =>
      data(
        api.GET("/v1/queues/{queue}/series", {
          params: {
            path: { queue },
            query: { windowMs, stepMs: Math.max(1_000, Math.ceil(windowMs / MOST_POINTS)) },
          },
          signal,
        }),
      ),
    // The live stream goes on from here.
    staleTime: 30_000,
  });

/** `POST /v1/queues/:queue/pause`. */
export const pauseQueue = (queue: string, reason: string) =>
  data(api.POST("/v1/queues/{queue}/pause", { ...queueAt(queue), body: given({ reason }) }));

/** `POST /v1/queues/:queue/resume`. */
export const resumeQueue = (queue: string) =>
  data(api.POST("/v1/queues/{queue}/resume", { ...queueAt(queue), body: {} }));

/** `PATCH /v1/queues/:queue`: what is not named stays as it is. */
export const configureQueue = (queue: string, body: SettingsBody) =>
  data(api.PATCH("/v1/queues/{queue}", { ...queueAt(queue), body }));
