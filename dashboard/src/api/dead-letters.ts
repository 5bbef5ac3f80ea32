import type { DeadReason } from "@holdfast/contracts";
import type { DiscardReply, OperationView, ReplayReply, TaskPage } from "@holdfast/contracts/api";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { path, request, send } from "./http.ts";
import { queueKey } from "./queues.ts";

export interface DeadLetterFilter {
  type?: string | undefined;
  reason?: DeadReason | undefined;
}

export interface DeadLetterGroup {
  signature: string;
  type: string;
  reason: DeadReason;
  count: number;
  firstAt: number;
  lastAt: number;
  sampleIds: string[];
}

/** Which dead letters an action is about. */
export type DeadLetterTarget = { ids: string[] } | { filter: DeadLetterFilter } | { all: true };

/** Few are done at once; many become an operation. */
export type BulkAnswer = { done: number; skipped: number } | { operation: OperationView };

/** `GET /v1/queues/:queue/dead-letters`, newest first, by cursor. */
export const deadLettersQuery = (
  queue: string,
  filter: { type?: string | undefined; q?: string | undefined },
) =>
  infiniteQueryOptions({
    queryKey: [...queueKey(queue), "dead-letters", filter] as const,
    queryFn: ({ pageParam, signal }) =>
      request<TaskPage>(path`/v1/queues/${queue}/dead-letters`, {
        query: { type: filter.type, q: filter.q, cursor: pageParam, limit: 100 },
        signal,
      }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** `GET /v1/queues/:queue/dead-letters/groups`: over the 1,000 newest. */
export const deadLetterGroupsQuery = (queue: string) =>
  queryOptions({
    queryKey: [...queueKey(queue), "dead-letter-groups"] as const,
    queryFn: async ({ signal }) =>
      (
        await request<{ groups: DeadLetterGroup[] }>(path`/v1/queues/${queue}/dead-letters/groups`, {
          signal,
        })
      ).groups,
  });

/** `POST /v1/queues/:queue/dead-letters/replay`. */
export const replayDeadLetters = (queue: string, target: DeadLetterTarget): Promise<BulkAnswer> =>
  act(path`/v1/queues/${queue}/dead-letters/replay`, target);

/** How many a replay of this filter would touch now: a dry run. */
export const countDeadLetters = async (queue: string, filter: DeadLetterFilter): Promise<number> =>
  (
    await request<ReplayReply>(path`/v1/queues/${queue}/dead-letters/replay`, {
      method: "POST",
      body: { filter, dryRun: true },
    })
  ).matched;

/** `POST /v1/queues/:queue/dead-letters/discard`. */
export const discardDeadLetters = (queue: string, target: DeadLetterTarget): Promise<BulkAnswer> =>
  act(path`/v1/queues/${queue}/dead-letters/discard`, target);

async function act(url: string, body: DeadLetterTarget): Promise<BulkAnswer> {
  const { status, data } = await send<OperationView | ReplayReply | DiscardReply>(url, {
    method: "POST",
    body,
  });
  if (status === 202 || "kind" in data) return { operation: data as OperationView };
  return {
    done: "replayed" in data ? data.replayed : (data as DiscardReply).discarded,
    skipped: data.skipped,
  };
}
