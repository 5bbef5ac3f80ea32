import {
  createMasker,
  createMetrics,
  createQueueCache,
  createRateLimiter,
  createRedisReadiness,
  KeyRing,
  type Logger,
  listen,
  NewQueues,
  openKeys,
  parseAllowedHosts,
  parseList,
  parsePointers,
  type RunningService,
  serverLimits,
  startTracing,
  toConnectionSettings,
  waitForRedis,
} from "@holdfast/service";
import { KeyStore } from "@holdfast/service/keys";
import { Holdfast, Observer, Schedules, type TaskView } from "holdfast";
import { OperationRunner, SeriesHistory } from "holdfast/operate";
import { createApp } from "./app.ts";
import type { ObservabilityConfig } from "./config.ts";
import { EndedSessions } from "./identity/ended-sessions.ts";
import { followLogOuts } from "./identity/follow-log-outs.ts";
import { createEntrance } from "./identity/person.ts";
import { parseOrigins } from "./stream/origin.ts";

export interface StartOptions {
  config: ObservabilityConfig;
  logger: Logger;
  version: string;
  signal: AbortSignal;
  /** Called with an error that ends the running service, for example if Redis cannot be used. */
  onFatal(error: unknown): void;
}

/**
 * Listens at once, even while Redis is down, so that the dashboard can show that. Changes are refused until Redis has
 * passed the boot checks.
 */
export async function startObservability(options: StartOptions): Promise<RunningService> {
  const { config, logger, version } = options;
  const metrics = createMetrics({ service: "observability", version });
  const settings = toConnectionSettings(config);
  const tracer = await startTracing(config, { name: "observability", version }, logger);
  const client = new Holdfast({
    redis: settings,
    prefix: config.QUEUE_PREFIX,
    onScript: metrics.onScript,
    tracing: tracer?.tracing,
  });
  const readiness = createRedisReadiness({ client, metrics });
  const ring = new KeyRing({ store: new KeyStore(client), file: config.API_KEYS_FILE, logger });
  const entrance = createEntrance(config, ring, new EndedSessions(client));
  const abort = new AbortController();
  options.signal.addEventListener("abort", () => abort.abort(), { once: true });
  const { signal } = abort;
  const queue = createQueueCache(client);
  const pointers = parseList(config.MASKED_POINTERS);
  // Everybody who may see an operation also sees the error of its canary task. So the error is masked before it is
  // stored.
  const shown =
    pointers.length === 0
      ? undefined
      : (createMasker(parsePointers(pointers)) as (task: TaskView) => TaskView);
  const app = await createApp({
    observer: new Observer({ client }),
    schedules: new Schedules({ client }),
    queue,
    newQueues: new NewQueues(client.registry, config.QUEUES_PER_KEY),
    operations: client.operations,
    actions: client.actions,
    createRunner: (hooks) => new OperationRunner({ client, producer: queue, shown, ...hooks }),
    history: new SeriesHistory(client),
    assertOpen: readiness.assertOpen,
    ...(settings.clusterNodes ? {} : { redisInfo: () => client.connection.command<string>("INFO") }),
    ready: readiness.check,
    entrance,
    limiter: createRateLimiter(config),
    serverLimits: serverLimits(config),
    maskedPointers: pointers,
    trustedProxies: parseList(config.TRUSTED_PROXIES),
    basePath: config.BASE_PATH,
    readOnly: config.READ_ONLY,
    logInsPerMinute: config.LOG_INS_PER_MINUTE,
    auditPayloadReads: config.AUDIT_PAYLOAD_READS,
    operationsPerKey: config.OPERATIONS_PER_KEY,
    streamsPerKey: config.STREAMS_PER_KEY,
    environment: config.ENVIRONMENT,
    onKeysChange: (listener) => ring.onChange(listener),
    metrics,
    logger,
    version,
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    allowedOrigins: parseOrigins(config.ALLOWED_ORIGINS ?? ""),
    dashboardDir: config.DASHBOARD_DIR,
  });
  try {
    const url = await listen(app.server, {
      host: config.HOST,
      port: config.OBSERVABILITY_PORT,
      variable: "OBSERVABILITY_PORT",
    });
    logger.info({ url }, "dashboard and API are served");
  } catch (error) {
    await client.close();
    await tracer?.stop();
    throw error;
  }
  app.start();
  waitForRedis({ client, settings, logger, signal })
    .then(() => openKeys(entrance.access, signal))
    .then(() => {
      readiness.open();
      void followLogOuts(entrance.sessions, logger, signal);
    })
    .catch((error: unknown) => {
      if (!signal.aborted) options.onFatal(error);
    });
  return {
    async stop() {
      abort.abort();
      ring.stop();
      await app.stop();
      await client.close();
      await tracer?.stop();
    },
  };
}
