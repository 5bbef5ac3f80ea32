import type { Limit, LimitsView, QueueLimits, TaskKeyView } from "@holdfast/contracts";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";
import { ApiError } from "./errors.ts";
import { queueKey } from "./queues.ts";

export type { Limit, LimitsView, QueueLimits, TaskKeyView };

/** The keys of all data of the screen Limits begin with this key. */
export const limitsKey = (queue: string) => [...queueKey(queue), "limits"] as const;

/** `GET /v1/queues/:queue/limits`. */
export const readLimits = (queue: string, signal?: AbortSignal) =>
  api("GET /v1/queues/:queue/limits", { params: { queue }, signal });

export const limitsQuery = (queue: string) =>
  queryOptions({
    queryKey: [...limitsKey(queue), "queue"] as const,
    queryFn: ({ signal }) => readLimits(queue, signal),
  });

/** `GET /v1/queues/:queue/keys`: the keys with waiting tasks, by cursor. */
export const keysQuery = (queue: string) =>
  infiniteQueryOptions({
    queryKey: [...limitsKey(queue), "keys"] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      api("GET /v1/queues/:queue/keys", {
        params: { queue },
        query: { ...given({ cursor }), limit: 100 },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** `GET /v1/queues/:queue/keys/:key`. A key without tasks has zeros. */
export const oneKeyQuery = (queue: string, key: string) =>
  queryOptions({
    queryKey: [...limitsKey(queue), "key", key] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/queues/:queue/keys/:key", { params: { queue, key: inPath(key) }, signal }),
  });

/** `PUT /v1/queues/:queue/limits`: replaces all of them. */
export const putLimits = (queue: string, body: QueueLimits) =>
  api("PUT /v1/queues/:queue/limits", { params: { queue }, body });

/** `PUT /v1/queues/:queue/keys/:key/limit`: null takes the own limit away. */
export const putKeyLimit = async (
  queue: string,
  key: string,
  limit: (Limit & { forMs?: number }) | null,
): Promise<TaskKeyView> =>
  api("PUT /v1/queues/:queue/keys/:key/limit", { params: { queue, key: inPath(key) }, body: limit });

/**
 * `POST /v1/queues/:queue/hold`: holds a key, or the queue if `key` is null. 0 ms lets it go on.
 */
export const hold = (queue: string, key: string | null, holdMs: number, reason: string) =>
  api("POST /v1/queues/:queue/hold", {
    params: { queue },
    body: { holdMs, ...(key === null ? {} : { key }), ...given({ reason }) },
  });

/** Refuses a key that an address cannot hold: browsers read `.` and `..` as steps in the path, also when encoded. */
function inPath(key: string): string {
  if (key !== "." && key !== "..") return key;
  throw new ApiError({
    status: 0,
    code: "invalid_argument",
    detail: `The key ${key} cannot be part of an address. Use the command line for it.`,
  });
}
