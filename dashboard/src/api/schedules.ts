import type { ScheduleView } from "@holdfast/contracts";
import type { ScheduleBody, SchedulePreview, ScheduleRunReply } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { agreed } from "./agreed.ts";

export type { ScheduleBody, SchedulePreview, ScheduleView };

export const schedulesKey = ["schedules"] as const;

/** `GET /v1/schedules`. */
export const schedulesQuery = () =>
  queryOptions({
    queryKey: schedulesKey,
    queryFn: async ({ signal }) =>
      (await agreed<{ schedules: ScheduleView[] }>("GET", "/v1/schedules", { signal })).schedules,
  });

/** `POST /v1/schedules/preview`: the expression in words and when it would fire. */
export const cronPreviewQuery = (cron: string, timeZone: string) =>
  queryOptions({
    queryKey: ["cron", cron, timeZone] as const,
    queryFn: ({ signal }) =>
      agreed<SchedulePreview>("POST", "/v1/schedules/preview", { body: { cron, timeZone }, signal }),
    staleTime: 30_000,
    retry: false,
  });

/** `PUT /v1/schedules/:id`: creates or replaces. */
export const putSchedule = (id: string, body: ScheduleBody) =>
  agreed<ScheduleView>("PUT", "/v1/schedules/{id}", { path: { id }, body });

/** `DELETE /v1/schedules/:id`. */
export const deleteSchedule = (id: string) =>
  agreed<unknown>("DELETE", "/v1/schedules/{id}", { path: { id } });

/** `POST /v1/schedules/:id/run`: one task now, besides the plan. */
export const runSchedule = (id: string) =>
  agreed<ScheduleRunReply>("POST", "/v1/schedules/{id}/run", { path: { id }, body: {} });

/** `POST /v1/schedules/:id/{pause,resume}`. */
export const switchSchedule = (id: string, verb: "pause" | "resume") =>
  agreed<ScheduleView>("POST", `/v1/schedules/{id}/${verb}`, { path: { id }, body: {} });
