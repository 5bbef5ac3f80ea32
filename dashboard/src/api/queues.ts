import type {
  EmptyBody,
  OperationView,
  QueueRates,
  SeriesPoint,
  SettingsBody,
} from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";

export type { QueueRates, SeriesPoint, SettingsBody };

/** The query keys of all data about a queue begin with this key, so that one invalidation refreshes all of it. */
export const queueKey = (queue: string) => ["queue", queue] as const;
const queuesKey = ["queues"] as const;

/** `GET /v1/queues`. */
export const queuesQuery = () =>
  queryOptions({
    queryKey: queuesKey,
    queryFn: ({ signal }) => api("GET /v1/queues", { signal }),
  });

/** `GET /v1/queues/:queue`. */
export const queueQuery = (queue: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "stats"] as const,
    queryFn: ({ signal }) => api("GET /v1/queues/:queue", { params: { queue }, signal }),
  });

/** A chart has few pixels, so more points would take time to draw and show nothing new. */
const MOST_POINTS = 240;

/**
 * Returns the step of a chart, ms. It is a multiple of the step in which the service keeps data of this age, and long
 * enough that the chart has at most MOST_POINTS points.
 */
export function seriesStep(windowMs: number): number {
  const unit =
    windowMs <= SERIES_KEPT.secondsMs ? 1_000 : windowMs <= SERIES_KEPT.bucketsMs ? 10_000 : 300_000;
  return Math.max(unit, Math.ceil(windowMs / MOST_POINTS / unit) * unit);
}

/** The service keeps steps of 1 s for 15 minutes, steps of 10 s for 3 hours, and steps of 5 minutes after that. */
const SERIES_KEPT = { secondsMs: 900_000, bucketsMs: 10_800_000 } as const;

/** `GET /v1/queues/:queue/series`: the part of the last `windowMs` that the service knows. */
export const seriesQuery = (queue: string, windowMs: number) =>
  queryOptions({
    queryKey: [...queueKey(queue), "series", windowMs] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/queues/:queue/series", {
        params: { queue },
        query: { windowMs, stepMs: seriesStep(windowMs) },
        signal,
      }),
    // The live stream adds newer points, so the series need not be fetched again soon.
    staleTime: 30_000,
  });

/** `POST /v1/queues/:queue/pause`. */
export const pauseQueue = (queue: string, reason: string) =>
  api("POST /v1/queues/:queue/pause", { params: { queue }, body: given({ reason }) });

/** `POST /v1/queues/:queue/resume`. */
export const resumeQueue = (queue: string) =>
  api("POST /v1/queues/:queue/resume", { params: { queue }, body: {} });

/** `PATCH /v1/queues/:queue`: fields that are not named stay as they are. */
export const configureQueue = (queue: string, body: SettingsBody) =>
  api("PATCH /v1/queues/:queue", { params: { queue }, body });

/** States that can be emptied. Processing is not among them, because its tasks belong to their workers. */
export type EmptiedState = EmptyBody["states"][number];

/** `POST /v1/queues/:queue/empty`: removes a few tasks at once, and many by an operation. */
export const emptyQueue = async (
  queue: string,
  states: EmptiedState[],
  reason: string | undefined,
): Promise<{ removed: number } | { operation: OperationView }> => {
  const body = { states, confirm: queue, ...given({ reason }) };
  const answer = await api("POST /v1/queues/:queue/empty", { params: { queue }, body });
  return "kind" in answer ? { operation: answer } : { removed: answer.removed };
};

/** `DELETE /v1/queues/:queue`: the queue must be paused and must not have running tasks. */
export const deleteQueue = (queue: string, reason: string | undefined) =>
  api("DELETE /v1/queues/:queue", {
    params: { queue },
    query: { confirm: queue, ...given({ reason }) },
  });
