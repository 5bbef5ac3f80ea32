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

/** The name and the texts of a service with an API. */
export interface ApiIdentity {
  /** The name of the service, such as "producer-api". */
  name: string;
  version: string;
  title: string;
  description: string;
  port: number;
  /** The variable that sets the port. */
  portVariable: string;
  /**
   * Whether the fields that MASKED_POINTERS names are hidden from viewers. The API for workers hides nothing, because
   * a worker needs the whole payload.
   */
  masks: boolean;
}

export type ApiConfig = HttpConfig & RedisConfig & TracingConfig;

/** The objects that the routes of an API use. */
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
  /**
   * Resolves when Redis has passed the boot checks (version, settings, rights) and the API works. Rejects if Redis
   * can never pass them.
   */
  opened: Promise<void>;
}

/**
 * Starts an HTTP service whose callers have API keys. It listens at once, and answers 503 until Redis has passed the
 * boot checks. A Redis with the wrong eviction policy, for example, could drop a task that was accepted.
 * @param register adds the routes. @returns an object to close before the connection to Redis, or nothing
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

/** Runs an API as this process, which counts as started when Redis has passed its checks. */
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
