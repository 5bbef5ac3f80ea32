import createClient from "openapi-fetch";
import { SERVICE_URL } from "./base.ts";
import type { paths } from "./generated/observability.ts";
import { apiFetch } from "./http.ts";

/** Every route of the service, typed by its OpenAPI document. */
export const api = createClient<paths>({
  baseUrl: SERVICE_URL,
  fetch: apiFetch,
  headers: { accept: "application/json" },
});

/** The data of an answer. `apiFetch` has thrown where there is none. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** Drops what is not set: an empty filter is no filter. */
export function given<T extends Record<string, unknown>>(
  values: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== ""),
  ) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

/** A body that is JSON text already goes out byte for byte: a payload must not pass through JSON.parse and back. */
export const asIs = (text: unknown) => text;

export const queueAt = (queue: string) => ({ params: { path: { queue } } });
