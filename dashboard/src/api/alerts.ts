import type {
  AlertCondition,
  AlertNotification,
  AlertRuleView,
  AlertTargetKind,
  AlertTargetView,
} from "@holdfast/contracts";
import type { AlertMuteBody, AlertRuleBody, AlertTargetBody } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";

export type {
  AlertCondition,
  AlertNotification,
  AlertRuleBody,
  AlertRuleView,
  AlertTargetBody,
  AlertTargetKind,
  AlertTargetView,
};

/** All query keys of data about alerts begin with this. */
export const alertsKey = ["alerts"] as const;

export const alertsQuery = () =>
  queryOptions({
    queryKey: [...alertsKey, "rules"] as const,
    queryFn: ({ signal }) => api("GET /v1/alerts", { signal }),
  });

export const notificationsQuery = () =>
  queryOptions({
    queryKey: [...alertsKey, "notifications"] as const,
    queryFn: async ({ signal }) =>
      (await api("GET /v1/alerts/notifications", { query: { limit: 50 }, signal })).notifications,
  });

/** Calls `PUT /v1/alerts/rules/:name`, which creates or replaces a rule. */
export const putRule = (name: string, body: AlertRuleBody) =>
  api("PUT /v1/alerts/rules/:name", { params: { name }, body });

export const deleteRule = (name: string) => api("DELETE /v1/alerts/rules/:name", { params: { name } });

export const muteRule = (name: string, body: AlertMuteBody) =>
  api("POST /v1/alerts/rules/:name/mute", { params: { name }, body });

export const unmuteRule = (name: string) => api("POST /v1/alerts/rules/:name/unmute", { params: { name } });

/** Calls `PUT /v1/alerts/targets/:name`, which creates or replaces a target. */
export const putTarget = (name: string, body: AlertTargetBody) =>
  api("PUT /v1/alerts/targets/:name", { params: { name }, body });

export const deleteTarget = (name: string) => api("DELETE /v1/alerts/targets/:name", { params: { name } });

/** Sends a test message and waits until it was delivered or has failed. */
export const testTarget = (name: string) => api("POST /v1/alerts/targets/:name/test", { params: { name } });
