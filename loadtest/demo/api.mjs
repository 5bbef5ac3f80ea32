// A client for both HTTP APIs. It repeats requests that fail because a service restarts.
import { setTimeout as delay } from "node:timers/promises";

/** An error that would not go away if the request were repeated. */
export class ApiError extends Error {
  constructor(status, problem, what) {
    super(`${what}: ${status} ${problem?.title ?? ""} ${problem?.detail ?? ""}`.trim());
    this.name = "ApiError";
    this.status = status;
  }
}

/** @param baseUrl such as http://127.0.0.1:3000 @param key the API key to send; empty for none */
export function openApi(baseUrl, key, { onRequest = () => {}, onRepeat = () => {} } = {}) {
  const authorization = key ? { authorization: `Bearer ${key}` } : {};
  /**
   * Sends a request, and repeats it while the service is busy or down. A repeat is safe for a replay, and for an
   * enqueue with an id.
   */
  return async function request(method, path, body) {
    const what = `${method} ${baseUrl}${path}`;
    onRequest();
    for (let attempt = 1; ; attempt += 1) {
      if (attempt > 1) onRepeat();
      let waitMs = Math.min(100 * 2 ** attempt, 2_000);
      try {
        const init = { method, headers: { ...authorization }, signal: AbortSignal.timeout(30_000) };
        if (body !== undefined) {
          init.body = JSON.stringify(body);
          init.headers["content-type"] = "application/json";
        }
        const response = await fetch(baseUrl + path, init);
        if (response.ok) return await response.json();
        const problem = await response.json().catch(() => null);
        if (response.status !== 429 && response.status !== 503)
          throw new ApiError(response.status, problem, what);
        waitMs = Number(response.headers.get("retry-after") ?? 0) * 1_000 || waitMs;
        if (attempt >= 30) throw new ApiError(response.status, problem, what);
      } catch (error) {
        if (error instanceof ApiError) throw error;
        if (attempt >= 30)
          throw new Error(`${what}: ${error.cause?.message ?? error.message}`, { cause: error });
      }
      await delay(waitMs);
    }
  };
}

/** Runs `work(item)` for every item, `width` at a time. */
export async function forEach(items, width, work) {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
