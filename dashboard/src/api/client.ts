import type { DashboardRoute, RouteBody, RouteParams, RouteQuery, RouteReply } from "@holdfast/contracts/api";
import { SERVICE_URL } from "./base.ts";
import { apiFetch } from "./http.ts";

/**
 * The type of an object with the property `Name`. The property is absent if `T` is undefined, and optional if all
 * fields of `T` are optional.
 */
type Option<Name extends string, T> = [T] extends [undefined]
  ? unknown
  : Partial<T> extends T
    ? { [K in Name]?: T }
    : { [K in Name]: T };

type Call<R extends DashboardRoute> = {
  /** JSON text to send byte for byte, because JSON.parse and JSON.stringify could change a payload. */
  text?: string;
  signal?: AbortSignal | undefined;
} & Option<"params", RouteParams<R>> &
  Option<"query", RouteQuery<R>> &
  Option<"body", RouteBody<R>>;

/** Calls a route of the service. @throws ApiError if the request fails or is refused */
export async function api<R extends DashboardRoute>(
  route: R,
  ...[call]: Partial<Call<R>> extends Call<R> ? [call?: Call<R>] : [call: Call<R>]
): Promise<RouteReply<R>> {
  const {
    params = {},
    query = {},
    body,
    // `null` is sent as a body, because some routes take it as "remove".
    text = body === undefined ? undefined : JSON.stringify(body),
    signal,
  } = (call ?? {}) as {
    params?: Record<string, string>;
    query?: Record<string, string | number | boolean | undefined>;
    body?: object | null;
    text?: string;
    signal?: AbortSignal;
  };
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));
  const search = new URLSearchParams(given(query) as Record<string, string>).toString();
  const request = new Request(`${SERVICE_URL}${path}${search && `?${search}`}`, {
    method,
    headers: {
      accept: "application/json",
      ...(text === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(text === undefined ? {} : { body: text }),
    ...(signal === undefined ? {} : { signal }),
  });
  const response = await apiFetch(request);
  return response.status === 204 ? (null as RouteReply<R>) : response.json();
}

/** Leaves out empty fields, because an empty filter field is not a condition. */
export function given<T extends Record<string, unknown>>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== ""),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
