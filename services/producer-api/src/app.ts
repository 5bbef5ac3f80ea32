import {
  createHttpServer,
  createIntakeMetrics,
  createMetrics,
  createQueueCache,
  createRateLimiter,
  createRedisReadiness,
  type HttpServer,
  identifyByKey,
  KeyRing,
  type Logger,
  listen,
  NewQueues,
  openKeys,
  parseAllowedHosts,
  parseList,
  type RunningService,
  registerFastLane,
  registerFlowRoutes,
  registerTaskRoutes,
  serverLimits,
  startTracing,
  toConnectionSettings,
  waitForRedis,
} from "@holdfast/service";
import { KeyStore } from "@holdfast/service/keys";
import { Holdfast } from "holdfast";
import type { Config } from "./config.ts";

export interface App extends RunningService {
  http: HttpServer;
  /** Resolves when Redis has passed the boot checks and the API accepts tasks. Rejects if Redis can never pass them. */
  opened: Promise<void>;
}

/**
 * The HTTP service for producers. It listens at once. It answers 503 until Redis has passed the boot checks, because a
 * Redis with the wrong eviction policy could drop a task that was accepted.
 */
export async function startApp(
  config: Config,
  version: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<App> {
  const settings = toConnectionSettings(config);
  const metrics = createMetrics({ service: "producer-api", version });
  const tracer = await startTracing(config, { name: "producer-api", version }, logger);
  const client = new Holdfast({
    redis: settings,
    prefix: config.QUEUE_PREFIX,
    instance: "producer-api",
    onScript: metrics.onScript,
    tracing: tracer?.tracing,
  });
  const readiness = createRedisReadiness({ client, metrics });
  const ring = new KeyRing({ store: new KeyStore(client), file: config.API_KEYS_FILE, logger });
  const access = { ring, host: config.HOST, allowUnauthenticated: config.ALLOW_UNAUTHENTICATED };
  const http = await createHttpServer({
    title: "Holdfast producer API",
    description: "Enqueue tasks and flows, follow them, cancel them.",
    version,
    logger,
    metrics,
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    ready: readiness.check,
    identify: identifyByKey(access),
    onKeysChange: (listener) => ring.onChange(listener),
    limiter: createRateLimiter(config),
    maskedPointers: parseList(config.MASKED_POINTERS),
    trustedProxies: parseList(config.TRUSTED_PROXIES),
    basePath: config.BASE_PATH,
    ...serverLimits(config),
  });
  const routes = {
    queue: createQueueCache(client),
    newQueues: new NewQueues(client.registry, config.QUEUES_PER_KEY),
    metrics: createIntakeMetrics(metrics),
    assertOpen: readiness.assertOpen,
  };
  registerTaskRoutes(http, routes);
  registerFlowRoutes(http, routes);
  registerFastLane(http, routes);
  const stop = async (): Promise<void> => {
    await http.close();
    ring.stop();
    await client.close();
    await tracer?.stop();
  };
  try {
    await listen(http, { host: config.HOST, port: config.PORT, variable: "PORT" });
  } catch (error) {
    await stop();
    throw error;
  }
  const opened = waitForRedis({ client, settings, logger, signal })
    .then(() => openKeys(access, signal))
    .then(() => readiness.open());
  return { http, opened, stop };
}
