import { infiniteQueryOptions } from "@tanstack/react-query";
import { agreed } from "./agreed.ts";
import { given } from "./client.ts";

export interface AuditRecord {
  at: number;
  actor: string;
  keyId: string | null;
  role: string | null;
  from: string | null;
  action: string;
  queue: string | null;
  count: number;
  reason: string | null;
  outcome: "succeeded" | "accepted" | "refused" | "failed" | "cancelled";
  code: string | null;
  requestId: string | null;
  operationId: string | null;
}

export interface AuditFilter {
  queue?: string | undefined;
  actor?: string | undefined;
  action?: string | undefined;
}

export interface AuditPage {
  records: AuditRecord[];
  cursor?: string | null;
}

/** `GET /v1/audit`, newest first, by cursor. */
export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter] as const,
    queryFn: ({ pageParam: cursor, signal }) =>
      agreed<AuditPage>("GET", "/v1/audit", { query: { ...filter, cursor, limit: 100 }, signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.cursor ?? undefined,
  });

/** Where the browser downloads the filtered log as NDJSON. */
export const auditExportUrl = (filter: AuditFilter): string =>
  `/v1/audit/export?${new URLSearchParams(given({ ...filter }) as Record<string, string>)}`;
