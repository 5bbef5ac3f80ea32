import {
  createErrorLog,
  createHttpServer,
  createMetrics,
  createRateLimiter,
  createRedisReadiness,
  type HttpServer,
  identifyByKey,
  KeyRing,
  type Logger,
  listen,
  NewQueues,
  observeAttempts,
  openKeys,
  parseAllowedHosts,
  parseList,
  type RunningService,
  serverLimits,
  startTracing,
  toConnectionSettings,
  waitForRedis,
} from "@holdfast/service";
import { KeyStore } from "@holdfast/service/keys";
import { Holdfast } from "holdfast";
import { RemoteWorkers } from "holdfast/remote";
import { registerAttemptRoutes } from "./attempt-routes.ts";
import type { Config } from "./config.ts";
import { registerStepRoutes } from "./step-routes.ts";
import { registerWorkRoutes } from "./work-routes.ts";

export interface App extends RunningService {
  http: HttpServer;
  /** Resolves when Redis has passed the boot checks and the API serves workers. Rejects if Redis can never pass them. */
  opened: Promise<void>;
}

/** The HTTP service for workers in any language. It listens at once, and answers 503 until Redis has passed the boot checks. */
export async function startApp(
  config: Config,
  version: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<App> {
  const settings = toConnectionSettings(config);
  const metrics = createMetrics({ service: "worker-api", version });
  const tracer = await startTracing(config, { name: "worker-api", version }, logger);
  const client = new Holdfast({
    redis: settings,
    prefix: config.QUEUE_PREFIX,
    instance: "worker-api",
    onScript: metrics.onScript,
    tracing: tracer?.tracing,
  });
  const readiness = createRedisReadiness({ client, metrics });
  const ring = new KeyRing({ store: new KeyStore(client), file: config.API_KEYS_FILE, logger });
  const access = { ring, host: config.HOST, allowUnauthenticated: config.ALLOW_UNAUTHENTICATED };
  const http = await createHttpServer({
    title: "Holdfast worker API",
    description: "Take tasks, extend their leases, settle them.",
    version,
    logger,
    metrics,
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    ready: readiness.check,
    identify: identifyByKey(access),
    onKeysChange: (listener) => ring.onChange(listener),
    limiter: createRateLimiter(config),
    trustedProxies: parseList(config.TRUSTED_PROXIES),
    basePath: config.BASE_PATH,
    ...serverLimits(config),
  });
  const workers = new RemoteWorkers({ client });
  workers.on("error", createErrorLog(logger, "a call for a worker failed"));
  observeAttempts([{ worker: workers, queues: [], types: [] }], metrics);
  const routes = {
    workers,
    newQueues: new NewQueues(client.registry, config.QUEUES_PER_KEY),
    assertOpen: readiness.assertOpen,
  };
  registerWorkRoutes(http, routes);
  registerAttemptRoutes(http, routes);
  registerStepRoutes(http, routes);
  const stop = async (): Promise<void> => {
    await http.close();
    ring.stop();
    await workers.close();
    await client.close();
    await tracer?.stop();
  };
  try {
    await listen(http, { host: config.HOST, port: config.WORKER_API_PORT, variable: "WORKER_API_PORT" });
  } catch (error) {
    await stop();
    throw error;
  }
  const opened = waitForRedis({ client, settings, logger, signal })
    .then(() => openKeys(access, signal))
    .then(() => readiness.open());
  return { http, opened, stop };
}
