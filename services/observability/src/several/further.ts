import { createMetrics, type Logger, parseRedisUrls, toConnectionSettings } from "@holdfast/service";
import { Holdfast } from "holdfast";
import type { ObservabilityConfig } from "../config.ts";
import { createDashboard, type Dashboard, type DashboardParts } from "../dashboard.ts";
import { handOver, pathOf } from "./hand-over.ts";
import type { RedisList } from "./redis-list.ts";

export interface FurtherOptions
  extends Pick<DashboardParts, "config" | "entrance" | "onKeysChange" | "logger" | "version"> {
  /** Receives spans, if tasks are traced. */
  tracing: ConstructorParameters<typeof Holdfast>[0]["tracing"];
  list: RedisList;
}

/** The dashboards of the other Redis servers of a process. None of them listens on a port of its own. */
export interface Further {
  /**
   * Makes the server of the first dashboard pass on requests to the other ones. Call this before the first dashboard
   * listens.
   */
  serveBelow(first: Dashboard): Promise<void>;
  /** Starts to sample each Redis. If one cannot be used, the log says so, and the others continue. */
  start(signal: AbortSignal): void;
  stop(): Promise<void>;
}

/**
 * Creates a dashboard for each Redis of REDIS_URLS. Each has a client, samples and a live stream of its own. Log-in
 * and keys are those of the first Redis.
 */
export async function createFurther(options: FurtherOptions): Promise<Further> {
  const { config, list, logger } = options;
  const dashboards = new Map<string, Dashboard>();
  for (const [name, url] of parseRedisUrls(config.REDIS_URLS ?? "", config.REDIS_NAME)) {
    const dashboard = await createOne(name, url, options);
    dashboards.set(name, dashboard);
    list.add({ name, path: pathOf(name), latest: dashboard.latest });
  }
  return {
    async serveBelow({ server }) {
      if (dashboards.size === 0) return;
      await server.ready();
      for (const part of dashboards.values()) await part.server.ready();
      const parts = new Map([...dashboards].map(([name, part]) => [name, part.server.server]));
      handOver(server.server, {
        parts,
        basePath: config.BASE_PATH ?? "",
        isRefused: (socket) => server.basics.closing.has(socket),
      });
    },
    start(signal) {
      for (const [name, dashboard] of dashboards)
        dashboard.start(signal).catch((error: unknown) => {
          if (!signal.aborted)
            logOf(logger, name).error({ err: error }, "the dashboard of this Redis could not be started");
        });
    },
    async stop() {
      await Promise.all([...dashboards.values()].map((dashboard) => dashboard.stop()));
    },
  };
}

const logOf = (logger: Logger, name: string) => logger.child({ redisName: name });

function createOne(name: string, url: string, options: FurtherOptions): Promise<Dashboard> {
  const { config, entrance, onKeysChange, logger, version, list, tracing } = options;
  const own = configOf(config, name, url);
  const metrics = createMetrics({ service: "observability", version });
  const redis = toConnectionSettings(own);
  const client = new Holdfast({ redis, prefix: own.QUEUE_PREFIX, onScript: metrics.onScript, tracing });
  return createDashboard({
    ...{ config: own, client, redis, isCluster: false, metrics, entrance, onKeysChange, version },
    several: { name, list },
    logger: logOf(logger, name),
  });
}

/**
 * Returns the settings for one Redis of REDIS_URLS. Its address replaces Sentinel and Cluster settings, and its pages
 * are below its name.
 */
function configOf(config: ObservabilityConfig, name: string, url: string): ObservabilityConfig {
  const {
    BASE_PATH: _path,
    REDIS_SENTINELS: _sentinels,
    REDIS_SENTINEL_NAME: _master,
    REDIS_CLUSTER_NODES: _nodes,
    DASHBOARD_URL: address,
    ...rest
  } = config;
  const dashboardUrl =
    address === undefined ? {} : { DASHBOARD_URL: `${address.replace(/\/+$/, "")}/redis/${name}` };
  return { ...rest, ...dashboardUrl, REDIS_URL: url };
}
