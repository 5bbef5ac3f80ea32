import {
  createErrorLog,
  createHealthServer,
  createMetrics,
  createRedisReadiness,
  type HealthServer,
  type Logger,
  parseAllowedHosts,
  type Readiness,
  type RunningService,
  toConnectionSettings,
  waitForRedis,
} from "@holdfast/service";
import { Holdfast, Janitor } from "holdfast";
import type { Config } from "./config.ts";
import { type Audited, observeJanitor } from "./metrics.ts";

const LOGGED_VIOLATIONS = 100;

export interface App extends RunningService {
  health: HealthServer;
  janitor: Janitor;
}

/** Starts the health server, connects to Redis and starts the sweeps. Any number of janitors may run. */
export async function startApp(
  config: Config,
  version: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<App> {
  const settings = toConnectionSettings(config);
  const metrics = createMetrics({ service: "janitor", version, http: false });
  const shared = { redis: settings, prefix: config.QUEUE_PREFIX, onScript: metrics.onScript };
  const client = new Holdfast({ ...shared, instance: "janitor-health" });
  const janitor = new Janitor({
    ...shared,
    sweepIntervalMs: config.SWEEP_INTERVAL_MS,
    auditIntervalMs: config.AUDIT_INTERVAL_MS,
    auditLogMax: config.AUDIT_LOG_MAX,
  });
  observeJanitor(janitor, metrics, { auditIntervalMs: config.AUDIT_INTERVAL_MS });
  janitor.on("error", createErrorLog(logger, "sweep failed"));
  // The log has everything that a repair removed. A long list is split into several lines.
  janitor.on("audited", ({ queue, violations, repaired }: Audited) => {
    for (let at = 0; at < violations.length; at += LOGGED_VIOLATIONS) {
      logger.error(
        {
          queue,
          violations: violations.slice(at, at + LOGGED_VIOLATIONS),
          count: violations.length,
          repaired,
        },
        "audit violations",
      );
    }
  });
  janitor.on("scheduled", ({ outcome, ...run }) => {
    if (outcome !== "enqueued") logger.warn({ ...run, outcome }, "a scheduled task was not enqueued");
  });
  janitor.on("rewound", (rewound) => {
    logger.error(rewound, "Redis was rewound: writes that it had acknowledged are lost. The audit follows");
  });

  const redis = createRedisReadiness({ client, metrics });
  const health = await createHealthServer({
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    port: config.METRICS_PORT,
    instance: config.NODE_APP_INSTANCE,
    metrics,
    logger,
    ready: async () =>
      janitorReadiness(await redis.check(), janitor.lastSuccessAt(), Date.now(), config.SWEEP_INTERVAL_MS),
  });
  const stop = async (): Promise<void> => {
    await janitor.stop({ graceMs: 5_000 });
    await health.close();
    await client.close();
  };
  try {
    await waitForRedis({ client, settings, logger, signal });
    await janitor.start();
  } catch (error) {
    await stop();
    throw error;
  }
  redis.open();
  logger.info({ sweepIntervalMs: config.SWEEP_INTERVAL_MS }, "janitor is running");
  return { health, janitor, stop };
}

/**
 * A janitor is ready while Redis answers and a sweep has succeeded within the last ten sweep intervals (10 s at least).
 */
export function janitorReadiness(
  redis: Readiness,
  lastSuccessAt: number,
  now: number,
  sweepIntervalMs: number,
): Readiness {
  if (!redis.ok) return redis;
  if (lastSuccessAt === 0) return { ok: false, detail: "no sweep yet" };
  const ageMs = now - lastSuccessAt;
  const ok = ageMs <= Math.max(10_000, sweepIntervalMs * 10);
  return { ok, detail: `the last successful sweep was ${ageMs} ms ago` };
}
