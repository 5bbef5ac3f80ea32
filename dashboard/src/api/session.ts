import type { Scope, SessionView as Session } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";

export type { Scope, Session };

export const sessionKey = ["session"] as const;

export const sessionQuery = () =>
  queryOptions({
    queryKey: sessionKey,
    queryFn: ({ signal }): Promise<Session> => api("GET /v1/session", { signal }),
    staleTime: 60_000,
  });

/** Calls `POST /v1/session`, which sets a cookie in exchange for a key. */
export const logIn = (key: string): Promise<Session> => api("POST /v1/session", { body: { key } });

export const logOut = () => api("DELETE /v1/session");
