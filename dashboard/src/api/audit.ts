import type { AuditAction, AuditRecord } from "@holdfast/contracts/api";
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { BASE_PATH } from "./base.ts";
import { api, given } from "./client.ts";

export type { AuditAction, AuditRecord };

export interface AuditFilter {
  queue?: string | undefined;
  actor?: string | undefined;
  action?: AuditAction | undefined;
}

/** Calls `GET /v1/audit`, newest records first. With a filter, a page may be empty although more follow. */
export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      api("GET /v1/audit", { query: { ...given({ ...filter, cursor }), limit: 100 }, signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** Reads who replayed dead letters of a queue in a range of time, ms since the epoch. */
export const replayRecordsQuery = (queue: string, from: number, to: number) =>
  queryOptions({
    queryKey: ["audit", "replays", queue, from, to] as const,
    queryFn: ({ signal }) =>
      api("GET /v1/audit", {
        query: { queue, action: "dead_letters.replay", from: Math.max(0, from), to, limit: 100 },
        signal,
      }),
    staleTime: 10_000,
  });

/** Returns the address from which the browser downloads the filtered log as NDJSON. */
export const auditExportUrl = (filter: AuditFilter): string =>
  `${BASE_PATH}/v1/audit/export?${new URLSearchParams(given({ ...filter }) as Record<string, string>)}`;
