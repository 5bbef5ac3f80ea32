import { api } from "./client.ts";

/** Routes that the OpenAPI document does not have yet, in the shapes that were agreed on. Same checks as all others. */

interface Init {
  path?: Record<string, string>;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  signal?: AbortSignal;
}

type Call = (
  path: string,
  init: { params: { path: object; query: object }; body?: unknown; signal?: AbortSignal },
) => Promise<{ data?: unknown }>;

export async function agreed<T>(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  { path: at = {}, query = {}, body, signal }: Init = {},
): Promise<T> {
  const set = Object.fromEntries(
    Object.entries(query).filter(([, value]) => value !== undefined && value !== ""),
  );
  const { data } = await (api[method] as unknown as Call)(path, {
    params: { path: at, query: set },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
  return data as T;
}
