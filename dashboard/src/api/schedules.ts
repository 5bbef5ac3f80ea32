import type { ScheduleView } from "@holdfast/contracts";
import type { ScheduleBody } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";

export type { ScheduleBody, ScheduleView };

export const schedulesKey = ["schedules"] as const;

export const schedulesQuery = () =>
  queryOptions({
    queryKey: schedulesKey,
    queryFn: async ({ signal }) => (await api("GET /v1/schedules", { signal })).schedules,
  });

/** Calls `POST /v1/schedules/preview`, which returns the expression in words and its next times. */
export const cronPreviewQuery = (cron: string, timeZone: string) =>
  queryOptions({
    queryKey: ["cron", cron, timeZone] as const,
    queryFn: ({ signal }) => api("POST /v1/schedules/preview", { body: { cron, timeZone }, signal }),
    staleTime: 30_000,
    retry: false,
  });

/** Calls `PUT /v1/schedules/:id`, which creates or replaces a schedule. */
export const putSchedule = (id: string, body: ScheduleBody) =>
  api("PUT /v1/schedules/:id", { params: { id }, body });

export const deleteSchedule = (id: string) => api("DELETE /v1/schedules/:id", { params: { id } });

/** Calls `POST /v1/schedules/:id/run`, which enqueues one task now, in addition to the planned ones. */
export const runSchedule = (id: string) => api("POST /v1/schedules/:id/run", { params: { id }, body: {} });

export const switchSchedule = (id: string, verb: "pause" | "resume") =>
  api(`POST /v1/schedules/:id/${verb}`, { params: { id }, body: {} });
