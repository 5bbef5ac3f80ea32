import { Holdfast } from "holdfast";
import { type HttpConfig, parseAllowedHosts, parseList, serverLimits } from "./config/http.ts";
import { type RedisConfig, toConnectionSettings } from "./config/redis.ts";
import { createHttpServer, listen } from "./http/server.ts";
import type { HttpServer } from "./http/types.ts";
import { identifyByKey } from "./identity/access.ts";
import { KeyRing } from "./identity/key-ring.ts";
import { KeyStore } from "./identity/key-store.ts";
import { openKeys } from "./identity/open-keys.ts";
import { createRateLimiter } from "./identity/rate-limit.ts";
import { type RunningService, runService } from "./lifecycle.ts";
import type { Logger } from "./logger.ts";
import { createMetrics, type ServiceMetrics } from "./metrics.ts";
import { createRedisReadiness } from "./readiness.ts";
import { waitForRedis } from "./redis-gate.ts";
import { NewQueues } from "./tasks/queues.ts";
import { startTracing, type TracingConfig } from "./tracing/tracing.ts";

/** What an API says of itself. */
export interface ApiIdentity {
  /** The name of the service, such as "producer-api". */
  name: string;
  version: string;
  title: string;
  description: string;
  port: number;
  /** The variable that sets the port. */
  portVariable: string;
  /** Whether viewers do not see what MASKED_POINTERS names. A worker has to see all of it. */
  masks: boolean;
}

export type ApiConfig = HttpConfig & RedisConfig & TracingConfig;

/** What the routes of an API use. */
export interface ApiParts {
  client: Holdfast;
  http: HttpServer;
  metrics: ServiceMetrics;
  newQueues: NewQueues;
  /** @throws HoldfastError redis_unavailable until Redis has passed the boot checks */
  assertOpen(): void;
}

export interface Api extends RunningService {
  http: HttpServer;
  /** Resolves when Redis has passed the boot checks and the API works. Rejects if Redis can never pass them. */
  opened: Promise<void>;
}

/**
 * Starts an HTTP service whose callers have API keys. It listens at once. It answers 503 until Redis has passed the boot
 * checks, because a Redis with the wrong eviction policy could drop a task that was accepted.
 * @param register adds the routes. @returns what has to be closed before the connection to Redis, if there is anything
 */
export async function startApi(
  config: ApiConfig,
  { name, version, title, description, port, portVariable, masks }: ApiIdentity,
  logger: Logger,
  signal: AbortSignal,
  register: (parts: ApiParts) => { close(): Promise<void> } | undefined,
): Promise<Api> {
  const settings = toConnectionSettings(config);
  const metrics = createMetrics({ service: name, version });
  const tracer = await startTracing(config, { name, version }, logger);
  const client = new Holdfast({
    redis: settings,
    prefix: config.QUEUE_PREFIX,
    instance: name,
    onScript: metrics.onScript,
    tracing: tracer?.tracing,
  });
  const readiness = createRedisReadiness({ client, metrics });
  const ring = new KeyRing({ store: new KeyStore(client), file: config.API_KEYS_FILE, logger });
  const access = { ring, host: config.HOST, allowUnauthenticated: config.ALLOW_UNAUTHENTICATED };
  const http = await createHttpServer({
    ...{ title, description, version, logger, metrics },
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    ready: readiness.check,
    identify: identifyByKey(access),
    onKeysChange: (listener) => ring.onChange(listener),
    limiter: createRateLimiter(config),
    maskedPointers: masks ? parseList(config.MASKED_POINTERS) : [],
    trustedProxies: parseList(config.TRUSTED_PROXIES),
    basePath: config.BASE_PATH,
    ...serverLimits(config),
  });
  const newQueues = new NewQueues(client.registry, config.QUEUES_PER_KEY);
  const routes = register({ client, http, metrics, newQueues, assertOpen: readiness.assertOpen });
  const stop = async (): Promise<void> => {
    await http.close();
    ring.stop();
    await routes?.close();
    await client.close();
    await tracer?.stop();
  };
  try {
    await listen(http, { host: config.HOST, port, variable: portVariable });
  } catch (error) {
    await stop();
    throw error;
  }
  const opened = waitForRedis({ client, settings, logger, signal })
    .then(() => openKeys(access, signal))
    .then(() => readiness.open());
  return { http, opened, stop };
}

/** Runs an API as this process. It is up when Redis has passed the boot checks. */
export function runApi(
  name: string,
  logger: Logger,
  start: (signal: AbortSignal) => Promise<Api>,
): Promise<void> {
  return runService({
    name,
    logger,
    start: async (signal) => {
      const api = await start(signal);
      try {
        await api.opened;
      } catch (error) {
        await api.stop();
        throw error;
      }
      return api;
    },
  });
}
