import {
  createMetrics,
  KeyRing,
  type Logger,
  listen,
  openKeys,
  type RunningService,
  startTracing,
  toConnectionSettings,
} from "@holdfast/service";
import { KeyStore } from "@holdfast/service/keys";
import { Holdfast } from "holdfast";
import type { ObservabilityConfig } from "./config.ts";
import { createDashboard } from "./dashboard.ts";
import { EndedSessions } from "./identity/ended-sessions.ts";
import { followLogOuts } from "./identity/follow-log-outs.ts";
import { createEntrance } from "./identity/person.ts";
import { createFurther } from "./several/further.ts";
import { RedisList } from "./several/redis-list.ts";

export interface StartOptions {
  config: ObservabilityConfig;
  logger: Logger;
  version: string;
  signal: AbortSignal;
  /** Called with an error that ends the running service, for example if Redis cannot be used. */
  onFatal(error: unknown): void;
}

/**
 * Starts the service. It listens at once, even while Redis is down, so that the dashboard can show that. Changes are
 * refused until Redis has passed its checks (version, settings, rights).
 */
export async function startObservability(options: StartOptions): Promise<RunningService> {
  const { config, logger, version } = options;
  const metrics = createMetrics({ service: "observability", version });
  const redis = toConnectionSettings(config);
  const tracer = await startTracing(config, { name: "observability", version }, logger);
  const client = new Holdfast({
    redis,
    prefix: config.QUEUE_PREFIX,
    onScript: metrics.onScript,
    tracing: tracer?.tracing,
  });
  const ring = new KeyRing({ store: new KeyStore(client), file: config.API_KEYS_FILE, logger });
  const entrance = createEntrance(config, ring, new EndedSessions(client));
  const abort = new AbortController();
  options.signal.addEventListener("abort", () => abort.abort(), { once: true });
  const { signal } = abort;
  const list = new RedisList();
  const shared = {
    ...{ config, entrance, logger, version },
    onKeysChange: (listener: () => void) => ring.onChange(listener),
  };
  const dashboard = await createDashboard({
    ...shared,
    client,
    redis,
    isCluster: redis.clusterNodes !== undefined,
    metrics,
    several: { name: config.REDIS_NAME, list },
  });
  list.add({ name: config.REDIS_NAME, path: "", latest: dashboard.latest });
  const further = await createFurther({ ...shared, list, tracing: tracer?.tracing });
  try {
    await further.serveBelow(dashboard);
    const url = await listen(dashboard.server, {
      host: config.HOST,
      port: config.OBSERVABILITY_PORT,
      variable: "OBSERVABILITY_PORT",
    });
    logger.info({ url }, "dashboard and API are served");
  } catch (error) {
    await further.stop();
    await client.close();
    await tracer?.stop();
    throw error;
  }
  further.start(signal);
  dashboard
    .start(signal, () => openKeys(entrance.access, signal))
    .then(() => void followLogOuts(entrance.sessions, logger, signal))
    .catch((error: unknown) => {
      if (!signal.aborted) options.onFatal(error);
    });
  return {
    async stop() {
      abort.abort();
      ring.stop();
      await Promise.all([further.stop(), dashboard.stop()]);
      await tracer?.stop();
    },
  };
}
