import { createLogger, loadConfig } from "@holdfast/service";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { observabilityConfig } from "../src/config.ts";
import { startObservability } from "../src/start.ts";

export interface Running {
  redis: RedisServer;
  url: string;
  port: number;
  fatal: unknown[];
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; text: string; json: () => Record<string, unknown> }>;
  operation(id: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Starts the whole service as `main.ts` does, on free ports, with a redis-server of its own. */
export async function startRunning(
  options: {
    redisArgs?: string[];
    env?: Record<string, string>;
    beforeStart?(redis: RedisServer): Promise<void>;
  } = {},
): Promise<Running> {
  const redis = await startRedisServer(options.redisArgs);
  await options.beforeStart?.(redis);
  const port = await freePort();
  const config = loadConfig(observabilityConfig, {
    REDIS_URL: redis.url,
    OBSERVABILITY_PORT: String(port),
    LOG_LEVEL: "silent",
    DASHBOARD_DIR: "/nonexistent",
    ...options.env,
  });
  const fatal: unknown[] = [];
  const service = await startObservability({
    config,
    logger: createLogger(config, "observability"),
    version: "0.0.0",
    signal: new AbortController().signal,
    onFatal: (error) => fatal.push(error),
  });
  const url = `http://127.0.0.1:${port}`;
  const call: Running["call"] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined
        ? {}
        : {
            body: typeof body === "string" ? body : JSON.stringify(body),
          }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: () => JSON.parse(text) as Record<string, unknown>,
    };
  };
  return {
    redis,
    url,
    port,
    fatal,
    call,
    async operation(id) {
      let view: Record<string, unknown> = {};
      await until(`operation ${id} ended`, async () => {
        view = (await call("GET", `/v1/operations/${id}`)).json();
        return view.state !== "running";
      });
      return view;
    },
    async stop() {
      await service.stop();
      await redis.stop();
    },
  };
}
