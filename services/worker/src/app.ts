import {
  createErrorLog,
  createHealthServer,
  createMetrics,
  createRedisReadiness,
  type HealthServer,
  type Logger,
  observeWorkers,
  parseAllowedHosts,
  type Readiness,
  type RunningService,
  startTracing,
  toConnectionSettings,
  waitForRedis,
} from "@holdfast/service";
import { Holdfast, Worker } from "holdfast";
import { type Config, parseQueues, workedQueues } from "./config.ts";
import { provideHandlers } from "./handlers/provide.ts";

/** If the last poll is older than this, ms, something is wrong: a worker polls every second, a command may take 5 s. */
const POLL_AGE_LIMIT_MS = 10_000;
const STALL_LIMIT_MS = 30_000;

export interface App extends RunningService {
  health: HealthServer;
  worker: Worker;
}

/**
 * Loads the handlers first, because the worker is useless without them. Then starts the health server, connects to
 * Redis and starts the worker.
 */
export async function startApp(
  config: Config,
  version: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<App> {
  const { handlers, concurrency, close } = await provideHandlers(config);
  // A handler for a prefix or for all types may run types that nobody knows beforehand, so these are left out.
  const types = Object.keys(handlers).filter((rule) => !rule.endsWith("*"));
  const queues = workedQueues(config);
  const settings = toConnectionSettings(config);
  const metrics = createMetrics({ service: "worker", version, http: false });
  const tracer = await startTracing(config, { name: "worker", version }, logger);
  const shared = { redis: settings, prefix: config.QUEUE_PREFIX, onScript: metrics.onScript };
  const client = new Holdfast({ ...shared, instance: "worker-health" });
  const worker = new Worker(queues, handlers, {
    ...shared,
    version,
    tracing: tracer?.tracing,
    concurrency,
    queueOrder: config.QUEUE_ORDER,
    leaseMs: config.LEASE_MS,
    maxRetries: config.MAX_RETRIES,
    backoff: {
      baseMs: config.BACKOFF_BASE_MS,
      maxMs: Math.max(config.BACKOFF_BASE_MS, config.BACKOFF_MAX_MS),
    },
  });
  observeWorkers([{ worker, queues: Object.keys(parseQueues(config.QUEUES)), types }], metrics);
  worker.on("error", createErrorLog(logger, "worker loop error"));

  const redis = createRedisReadiness({ client, metrics });
  const health = await createHealthServer({
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    port: config.METRICS_PORT,
    instance: config.NODE_APP_INSTANCE,
    metrics,
    logger,
    ready: async () => workerReadiness(await redis.check(), worker),
    live: () => workerLiveness(worker),
  });
  worker.on("drain", ({ draining }) => {
    logger.info(
      { workerId: worker.id },
      draining ? "an operator told this worker to drain" : "an operator told this worker to resume",
    );
  });
  const stop = async (): Promise<void> => {
    await worker.stop({ graceMs: config.SHUTDOWN_GRACE_MS });
    await close();
    await health.close();
    await client.close();
    await tracer?.stop();
  };
  worker.on("error", (error) => {
    if (error.code !== "heartbeat_failed") return;
    // If the heartbeat thread fails, the worker stops and hands back its tasks. Then this process exits, so that it
    // is restarted.
    void worker.stop().then(() => {
      logger.fatal({ err: error }, "the heartbeat thread was lost");
      process.exit(1);
    });
  });
  try {
    await waitForRedis({ client, settings, logger, signal });
    await worker.start();
  } catch (error) {
    await stop();
    throw error;
  }
  redis.open();
  logger.info(
    { workerId: worker.id, queues, types: Object.keys(handlers), slots: worker.slots },
    "worker is running",
  );
  return { health, worker, stop };
}

/** Fails if slots are free and tasks may wait, but the worker does not ask for them. Only a restart helps. */
export function workerLiveness(worker: Pick<Worker, "stalledMs">): Readiness {
  const stalledMs = worker.stalledMs();
  return stalledMs <= STALL_LIMIT_MS
    ? { ok: true, detail: "it runs" }
    : {
        ok: false,
        detail: `slots are free, but the worker has not asked a queue for tasks for ${Math.round(stalledMs)} ms`,
      };
}

/** A worker is ready while Redis answers and the worker polls. If all its slots are busy, it does not need to poll. */
export function workerReadiness(
  redis: Readiness,
  worker: Pick<Worker, "busy" | "slots" | "lastGoodPollAgeMs">,
): Readiness {
  if (!redis.ok) return redis;
  const ageMs = worker.lastGoodPollAgeMs();
  if (ageMs <= POLL_AGE_LIMIT_MS || worker.busy >= worker.slots) {
    return { ok: true, detail: `${worker.busy} of ${worker.slots} slots busy` };
  }
  const age = Number.isFinite(ageMs)
    ? `the last successful poll was ${Math.round(ageMs)} ms ago`
    : "no poll yet";
  return { ok: false, detail: age };
}
