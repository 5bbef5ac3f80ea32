import { createLogger, loadConfig } from "@holdfast/service";
import { freePort } from "@holdfast/testing";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

/** Starts the service in this process. @returns the app, and a function that posts to a route for workers */
export async function startWorkerApi(redisUrl: string, more: Record<string, string> = {}) {
  const port = await freePort();
  const variables = { WORKER_API_PORT: String(port), REDIS_URL: redisUrl, LOG_LEVEL: "silent", ...more };
  const config = loadConfig(configSchema, variables);
  const app: App = await startApp(
    config,
    "test",
    createLogger(config, "worker-api"),
    new AbortController().signal,
  );
  await app.opened;
  return { app, base: `http://127.0.0.1:${port}` };
}

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  json: any;
}

/** Posts to a route for workers. */
export async function post(
  base: string,
  queue: string,
  path: string,
  body: unknown,
  { key, signal }: { key?: string; signal?: AbortSignal } = {},
): Promise<Answer> {
  const response = await fetch(`${base}/v1/queues/${queue}/work/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
  return { status: response.status, json: await response.json() };
}
