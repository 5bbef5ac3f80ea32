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

/** All query keys of data about a queue begin with this, so that one invalidation refreshes all of it. */
export const queueKey = (queue: string) => ["queue", queue] as const;
const queuesKey = ["queues"] as const;

export const queuesQuery = () =>
  queryOptions({
    queryKey: queuesKey,
    queryFn: ({ signal }) => api("GET /v1/queues", { signal }),
  });

export const queueQuery = (queue: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "stats"] as const,
    queryFn: ({ signal }) => api("GET /v1/queues/:queue", { params: { queue }, signal }),
  });

/**
 * The most points of a chart. A chart has few pixels, so more points would take time to draw and show nothing new.
 */
const MOST_POINTS = 240;

/**
 * Returns the time between two points of a chart, ms. It is a multiple of the step in which the service keeps data of
 * that age, and long enough that the chart has at most MOST_POINTS points.
 */
export function seriesStep(windowMs: number): number {
  const unit =
    windowMs <= SERIES_KEPT.secondsMs ? 1_000 : windowMs <= SERIES_KEPT.bucketsMs ? 10_000 : 300_000;
  return Math.max(unit, Math.ceil(windowMs / MOST_POINTS / unit) * unit);
}

/** The service keeps steps of 1 s for 15 minutes, then steps of 10 s for 3 hours, and then steps of 5 minutes. */
const SERIES_KEPT = { secondsMs: 900_000, bucketsMs: 10_800_000 } as const;

/** Calls `GET /v1/queues/:queue/series`: the points of the last `windowMs` that the service has. */
export const seriesQuery = (queue: string, windowMs: number) =>
  queryOptions({
    queryKey: [...queueKey(queue), "series", windowMs] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/queues/:queue/series", {
        params: { queue },
        query: { windowMs, stepMs: seriesStep(windowMs) },
        signal,
      }),
    // The live stream adds newer points, so the series does not have to be fetched again soon.
    staleTime: 30_000,
  });

/** The operator actions that charts mark with a line. */
const MARKED = ["queue.pause", "queue.resume", "dead_letters.replay"] as const;
const MOST_MARKS = 50;

/** Reads the newest pauses and replays of the queue within the last `windowMs` from the audit log. */
export const markedActionsQuery = (queue: string, windowMs: number) =>
  queryOptions({
    queryKey: [...queueKey(queue), "marked", windowMs] as const,
    queryFn: async ({ signal }) => {
      // The ten extra minutes allow for a wrong clock of the browser.
      const from = Math.max(0, Date.now() - windowMs - 600_000);
      const pages = await Promise.all(
        MARKED.map((action) =>
          api("GET /v1/audit", { query: { queue, action, from, limit: MOST_MARKS }, signal }),
        ),
      );
      return pages.flatMap(({ records }) => records);
    },
    staleTime: 30_000,
  });

export const pauseQueue = (queue: string, reason: string) =>
  api("POST /v1/queues/:queue/pause", { params: { queue }, body: given({ reason }) });

export const resumeQueue = (queue: string) =>
  api("POST /v1/queues/:queue/resume", { params: { queue }, body: {} });

/** Calls `PATCH /v1/queues/:queue`. Settings that the body does not name stay as they are. */
export const configureQueue = (queue: string, body: SettingsBody) =>
  api("PATCH /v1/queues/:queue", { params: { queue }, body });

/** The states that can be emptied. Processing is not one of them, because its tasks belong to their workers. */
export type EmptiedState = EmptyBody["states"][number];

/** Calls `POST /v1/queues/:queue/empty`, which removes a few tasks at once, and many by an operation. */
export const emptyQueue = async (
  queue: string,
  states: EmptiedState[],
  reason: string | undefined,
): Promise<{ removed: number } | { operation: OperationView }> => {
  const body = { states, confirm: queue, ...given({ reason }) };
  const answer = await api("POST /v1/queues/:queue/empty", { params: { queue }, body });
  return "kind" in answer ? { operation: answer } : { removed: answer.removed };
};

/** Calls `DELETE /v1/queues/:queue`. The queue has to be paused, and none of its tasks may run. */
export const deleteQueue = (queue: string, reason: string | undefined) =>
  api("DELETE /v1/queues/:queue", {
    params: { queue },
    query: { confirm: queue, ...given({ reason }) },
  });
