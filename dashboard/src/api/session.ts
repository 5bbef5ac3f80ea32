import type { Role, Scope } from "@holdfast/contracts/api";
import { queryOptions } from "@tanstack/react-query";
import { agreed } from "./agreed.ts";
import { ApiError } from "./errors.ts";

export type { Role, Scope };

export interface Session {
  authenticated: boolean;
  keysRequired: boolean;
  readOnly: boolean;
  label: string;
  role: Role;
  scopes: Scope[];
  /** Only these queues; null: all. */
  queues: string[] | null;
  expiresAt: number | null;
  idleExpiresAt: number | null;
  /** Text of the badge, such as "production". */
  environment: string | null;
}

/** A service without keys: everybody may do everything. */
const OPEN: Session = {
  authenticated: true,
  keysRequired: false,
  readOnly: false,
  label: "anonymous",
  role: "admin",
  scopes: ["admin"],
  queues: null,
  expiresAt: null,
  idleExpiresAt: null,
  environment: null,
};

export const sessionKey = ["session"] as const;

/** `GET /v1/session`. */
export const sessionQuery = () =>
  queryOptions({
    queryKey: sessionKey,
    queryFn: async ({ signal }) => {
      try {
        return await agreed<Session>("GET", "/v1/session", { signal });
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return OPEN;
        throw error;
      }
    },
    staleTime: 60_000,
  });

/** `POST /v1/session`: trades a key for a cookie. */
export const logIn = (key: string) => agreed<Session>("POST", "/v1/session", { body: { key } });

/** `DELETE /v1/session`. */
export const logOut = () => agreed<unknown>("DELETE", "/v1/session");
