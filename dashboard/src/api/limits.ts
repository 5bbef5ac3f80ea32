import type {
  KeyLimits,
  Limit,
  LimitsTrial,
  LimitsView,
  QueueLimits,
  SharedLimitView,
  TaskKeyView,
  TaskTypeView,
  TypeLimit,
} from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, given } from "./client.ts";
import { ApiError } from "./errors.ts";
import { queueKey } from "./queues.ts";

export type {
  KeyLimits,
  Limit,
  LimitsTrial,
  LimitsView,
  QueueLimits,
  SharedLimitView,
  TaskKeyView,
  TaskTypeView,
  TypeLimit,
};

/** All query keys of the screen Limits begin with this. */
export const limitsKey = (queue: string) => [...queueKey(queue), "limits"] as const;

export const readLimits = (queue: string, signal?: AbortSignal) =>
  api("GET /v1/queues/:queue/limits", { params: { queue }, signal });

export const limitsQuery = (queue: string) =>
  queryOptions({
    queryKey: [...limitsKey(queue), "queue"] as const,
    queryFn: ({ signal }) => readLimits(queue, signal),
  });

/** Calls `GET /v1/queues/:queue/keys`, which lists the keys with waiting tasks, page by page. */
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

/** The values by which keys can be sorted. The highest value comes first. */
export type KeyOrder = "waiting" | "running" | "heldUntil";

/** Calls `GET /v1/queues/:queue/heaviest-keys`, which returns the first 20 keys in this order. */
export const heaviestKeysQuery = (queue: string, by: KeyOrder) =>
  queryOptions({
    queryKey: [...limitsKey(queue), "heaviest", by] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/queues/:queue/heaviest-keys", { params: { queue }, query: { by, limit: 20 }, signal }),
  });

/** Calls `GET /v1/queues/:queue/keys/:key`. For a key without tasks, the counts are zero. */
export const oneKeyQuery = (queue: string, key: string) =>
  queryOptions({
    queryKey: [...limitsKey(queue), "key", key] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/queues/:queue/keys/:key", { params: { queue, key: inPath(key) }, signal }),
  });

/** Calls `PUT /v1/queues/:queue/limits`, which replaces all limits of the queue. */
export const putLimits = (queue: string, body: QueueLimits) =>
  api("PUT /v1/queues/:queue/limits", { params: { queue }, body });

/**
 * Calls `POST /v1/queues/:queue/limits/try`, which simulates recorded tasks under other limits and changes nothing.
 */
export const tryLimits = async (queue: string, limits: QueueLimits): Promise<LimitsTrial> =>
  api("POST /v1/queues/:queue/limits/try", { params: { queue }, body: { limits } });

/** Calls `PUT /v1/queues/:queue/keys/:key/limit`; null removes the limit of the key. */
export const putKeyLimit = async (
  queue: string,
  key: string,
  limit: (Limit & { forMs?: number }) | null,
): Promise<TaskKeyView> =>
  api("PUT /v1/queues/:queue/keys/:key/limit", { params: { queue, key: inPath(key) }, body: limit });

/** The target of a hold: a key or a type, or the whole queue if neither is given. */
export interface HoldOf {
  key?: string;
  type?: string;
}

/** Calls `POST /v1/queues/:queue/hold`; 0 ms ends the hold. */
export const hold = (queue: string, of: HoldOf, holdMs: number, reason: string) =>
  api("POST /v1/queues/:queue/hold", {
    params: { queue },
    body: { holdMs, ...of, ...given({ reason }) },
  });

/** Calls `GET /v1/limits`, which lists the limits that queues share. */
export const readSharedLimits = async () => (await api("GET /v1/limits")).limits;

/** Calls `PUT /v1/limits/:name`, which replaces the limit and its queues. */
export const putSharedLimit = (name: string, limit: Limit, queues: string[]) =>
  api("PUT /v1/limits/:name", { params: { name }, body: { limit, queues } });

export const endSharedLimit = (name: string) => api("DELETE /v1/limits/:name", { params: { name } });

/** Throws if the key cannot be part of an address: browsers read even encoded `.` and `..` as steps in the path. */
function inPath(key: string): string {
  if (key !== "." && key !== "..") return key;
  throw new ApiError({
    status: 0,
    code: "invalid_argument",
    detail: t`The key ${key} cannot be part of an address. Use the command line for it.`,
  });
}
