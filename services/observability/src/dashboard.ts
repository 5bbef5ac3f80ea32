import {
  createMasker,
  createQueueCache,
  createRateLimiter,
  createRedisReadiness,
  type HttpServer,
  type Logger,
  NewQueues,
  parseAllowedHosts,
  parseList,
  parsePointers,
  type ServiceMetrics,
  serverLimits,
  waitForRedis,
} from "@holdfast/service";
import { type Holdfast, Observer, type RedisOption, Schedules, type TaskView } from "holdfast";
import { OperationRunner, SeriesHistory } from "holdfast/operate";
import { createApp } from "./app.ts";
import type { ObservabilityConfig } from "./config.ts";
import type { Entrance } from "./identity/person.ts";
import type { Sample } from "./sampling/sampler.ts";
import type { RedisList } from "./several/redis-list.ts";
import { parseOrigins } from "./stream/origin.ts";

export interface DashboardParts {
  config: ObservabilityConfig;
  client: Holdfast;
  /** The connection settings of the client, which are logged. */
  redis: RedisOption;
  isCluster: boolean;
  metrics: ServiceMetrics;
  entrance: Entrance;
  /** The name of this Redis, and the list of all that the process shows. @default only this one */
  several?: { name: string; list: RedisList };
  /** Calls the listener whenever somebody may have lost access. */
  onKeysChange(listener: () => void): () => void;
  logger: Logger;
  version: string;
}

export interface Dashboard {
  server: HttpServer;
  /** Returns the last sample. */
  latest(): Sample;
  /**
   * Begins to read samples from Redis. Allows changes as soon as Redis has passed its checks (version, settings,
   * rights).
   * @param prepare further work that has to end before changes are allowed
   * @throws StartupError if Redis cannot be used
   */
  start(signal: AbortSignal, prepare?: () => Promise<void>): Promise<void>;
  /** Ends the streams, hands operations over to other processes, and closes the server and the client. */
  stop(): Promise<void>;
}

/**
 * Builds the dashboard and its API over a Redis client. The service lets it listen on a port, and an app can mount
 * it.
 */
export async function createDashboard(parts: DashboardParts): Promise<Dashboard> {
  const { config, client, redis, metrics, logger } = parts;
  const readiness = createRedisReadiness({ client, metrics });
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
    alerts: client.alerts,
    alertPrivateHosts: parseAllowedHosts(config.ALERT_PRIVATE_HOSTS),
    dashboardUrl: config.DASHBOARD_URL,
    createRunner: (hooks) => new OperationRunner({ client, producer: queue, shown, ...hooks }),
    history: new SeriesHistory(client),
    assertOpen: readiness.assertOpen,
    ...(parts.isCluster ? {} : { redisInfo: () => client.connection.command<string>("INFO") }),
    ready: readiness.check,
    entrance: parts.entrance,
    ...(parts.several === undefined ? {} : { several: parts.several }),
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
    traceUrl: config.TRACE_URL,
    onKeysChange: parts.onKeysChange,
    metrics,
    logger,
    version: parts.version,
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    allowedOrigins: parseOrigins(config.ALLOWED_ORIGINS ?? ""),
    dashboardDir: config.DASHBOARD_DIR,
  });
  return {
    server: app.server,
    latest: () => app.sampler.latest,
    async start(signal, prepare) {
      app.start();
      await waitForRedis({ client, settings: redis, logger, signal });
      await prepare?.();
      readiness.open();
    },
    async stop() {
      await app.stop();
      await client.close();
    },
  };
}
