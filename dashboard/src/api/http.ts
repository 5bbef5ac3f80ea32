import { t } from "@lingui/core/macro";
import { ApiError, type FieldError } from "./errors.ts";

/** All requests to the API go through this module, which limits their time, checks types and throws typed errors. */

export const TIMEOUT_MS = 20_000;

const unauthorizedListeners = new Set<() => void>();

/** Calls `listener` when an answer says that the session has ended. Returns a function that removes the listener. */
export function onUnauthorized(listener: () => void): () => void {
  unauthorizedListeners.add(listener);
  return () => unauthorizedListeners.delete(listener);
}

/**
 * Like `fetch`, but returns only successful answers with JSON or Server-Sent Events. Throws an ApiError for all others.
 * @param timeout the signal that ends a request if it takes too long
 */
export async function apiFetch(
  request: Request,
  timeout: AbortSignal = AbortSignal.timeout(TIMEOUT_MS),
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(request, { signal: AbortSignal.any([request.signal, timeout]) });
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    const detail = timeout.aborted
      ? t`No answer from the API within ${TIMEOUT_MS / 1_000} s.`
      : t`The API cannot be reached.`;
    throw new ApiError({ status: 0, code: "unreachable", detail, cause });
  }
  if (response.status === 204) return response;
  await refuseAllButJson(response);
  return response;
}

async function refuseAllButJson(response: Response): Promise<void> {
  const contentType = response.headers.get("content-type") ?? "";
  const requestId = response.headers.get("x-request-id");
  const isJson = contentType.startsWith("application/json");
  if (contentType.startsWith("application/problem+json") || (isJson && !response.ok)) {
    const error = problem(response.status, await response.json().catch(() => null), requestId);
    // A 401 on the log-in screen means that the key was refused. On every other screen it means that the session has
    // ended.
    if (error.status === 401) for (const listener of unauthorizedListeners) listener();
    throw error;
  }
  if (isJson || (response.ok && contentType.startsWith("text/event-stream"))) return;
  // The service always answers with JSON. So this answer comes from a proxy or load balancer that cannot reach the
  // service.
  const gone = response.status >= 502 && response.status <= 504;
  throw new ApiError({
    status: response.status,
    code: gone || response.status === 500 ? "unreachable" : "not_json",
    detail: gone
      ? t`The API cannot be reached: a proxy answered ${response.status}.`
      : t`Expected JSON from ${new URL(response.url, location.href).pathname}, got ${contentType || t`nothing`} (${response.status}).`,
    requestId,
  });
}

function problem(status: number, body: unknown, requestId: string | null): ApiError {
  const record = isRecord(body) ? body : {};
  const text = (key: string): string | null => {
    const value = record[key];
    return typeof value === "string" && value !== "" ? value : null;
  };
  return new ApiError({
    status,
    code: text("code") ?? `http_${status}`,
    detail: text("detail") ?? text("title") ?? t`The API answered ${status}.`,
    requestId: text("requestId") ?? requestId,
    errors: fieldErrors(record.errors),
  });
}

function fieldErrors(value: unknown): FieldError[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isRecord).map((entry) => ({
    path: String(entry.path ?? entry.pointer ?? ""),
    message: String(entry.message ?? entry.detail ?? "invalid"),
  }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
