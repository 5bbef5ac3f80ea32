import type { RedisView } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { SERVICE_URL } from "./base.ts";
import { api } from "./client.ts";

export type { RedisView };

export const redisQuery = () =>
  queryOptions({ queryKey: ["redis"] as const, queryFn: ({ signal }) => api("GET /v1/redis", { signal }) });

/**
 * Returns the address of a screen in the dashboard of another Redis.
 * @param from the path of the dashboard that is shown, such as `redis/eu/`; "" for the first one
 * @param screen the path of the screen and its search, without a slash at the beginning
 */
export function addressOf(to: RedisView, from: string, screen: string, serviceUrl = SERVICE_URL): string {
  const up = "../".repeat(from.split("/").length - 1);
  return new URL(`${up}${to.path}${screen}`, `${serviceUrl}/`).href;
}
