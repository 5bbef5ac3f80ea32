import type { ScheduleView } from "@holdfast/contracts";
import type { ScheduleBody } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api, data } from "./client.ts";

export type { ScheduleBody, ScheduleView };

const scheduleAt = (id: string) => ({ params: { path: { id } } });

export const schedulesKey = ["schedules"] as const;

/** `GET /v1/schedules`. */
export const schedulesQuery = () =>
  queryOptions({
    queryKey: schedulesKey,
    queryFn: async ({ signal }) => (await data(api.GET("/v1/schedules", { signal }))).schedules,
  });

/** `POST /v1/schedules/preview`: the expression in words and when it would fire. */
export const cronPreviewQuery = (cron: string, timeZone: string) =>
  queryOptions({
    queryKey: ["cron", cron, timeZone] as const,
    queryFn: ({ signal }) => data(api.POST("/v1/schedules/preview", { body: { cron, timeZone }, signal })),
    staleTime: 30_000,
    retry: false,
  });

/** `PUT /v1/schedules/:id`: creates or replaces. */
export const putSchedule = (id: string, body: ScheduleBody) =>
  data(api.PUT("/v1/schedules/{id}", { ...scheduleAt(id), body }));

/** `DELETE /v1/schedules/:id`. */
export const deleteSchedule = (id: string) => data(api.DELETE("/v1/schedules/{id}", scheduleAt(id)));

/** `POST /v1/schedules/:id/run`: one task now, besides the plan. */
export const runSchedule = (id: string) =>
  data(api.POST("/v1/schedules/{id}/run", { ...scheduleAt(id), body: {} }));

/** `POST /v1/schedules/:id/{pause,resume}`. */
export const switchSchedule = (id: string, verb: "pause" | "resume") =>
  data(api.POST(`/v1/schedules/{id}/${verb}`, { ...scheduleAt(id), body: {} }));
