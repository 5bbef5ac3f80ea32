import { ConfigError, createLogger, createMetrics, loadConfig } from "@holdfast/service";
import type { FastifyBaseLogger } from "fastify";
import { Holdfast, HoldfastError, type RedisOption } from "holdfast";
import type { Logger } from "pino";
import { observabilityConfig } from "../config.ts";
import { createDashboard } from "../dashboard.ts";
import { openEntrance } from "../identity/person.ts";
import { VERSION } from "../version.ts";
import { assertApp, type DashboardApp, isFastify, mountOnExpress, mountOnFastify } from "./apps.ts";
import { type Authorize, identifier } from "./authorize.ts";
import { Gate } from "./gate.ts";

/** Options of `mountDashboard`. */
export interface MountOptions {
  /** Where the dashboard is in the app, such as `/admin/queues`. */
  path: string;
  /** Says who may use the dashboard. `"none"` lets everybody who reaches the app do everything. */
  authorize: Authorize | "none";
  /** Where Redis is: the same value as for the queues and workers of the app. */
  redis: RedisOption;
  /** The prefix of every Redis key. @default "queue" */
  prefix?: string;
  /** Refuses every change. @default false */
  readOnly?: boolean;
  /** The name of the environment, shown as a badge: `production`. Bursts of demo tasks are refused unless it is `development`. */
  environment?: string;
  /** The address of a trace, with `{traceId}` in place of its id; tasks link to it. @default no link */
  traceUrl?: string;
  /** JSON pointers into payloads and results, such as `/card/*`. Viewers see `***` there. @default none */
  maskedPointers?: string[];
  /** Records in the audit log who read unmasked payloads. @default false */
  auditPayloadReads?: boolean;
  /** Addresses and networks of reverse proxies whose `X-Forwarded-*` headers are trusted. @default none */
  trustedProxies?: string[];
  /** Further origins whose pages may change things and open the live connection. @default none */
  allowedOrigins?: string[];
  /** Names to accept in the Host header. @default every name; with `authorize: "none"`, loopback, addresses and names without a dot */
  allowedHosts?: string[];
  /** Hosts, `name` or `name:port`, with private addresses to which alerts may be sent. @default none */
  alertPrivateHosts?: string[];
  /** Where people open the dashboard, such as `https://shop.example.com/admin/queues`. Alerts link to it. @default no links */
  dashboardUrl?: string;
  /** A logger of pino, or `app.log` of Fastify. @default JSON lines on stdout, for errors only */
  logger?: FastifyBaseLogger;
}

export interface MountedDashboard {
  /**
   * Closes the live connections and the connection to Redis. Later requests are answered 503. Can be called more than
   * once; `app.close()` of Fastify calls it.
   */
  stop(): Promise<void>;
}

/**
 * Serves the dashboard and its API below a path of an app of Fastify 5, or of Express 4 or 5. It is the same server
 * as the service `observability`, but it does not listen on a port. Call this function before body parsers such as
 * `express.json()`, and after the middleware that `authorize` needs. If Redis is down, the dashboard says so until
 * Redis is back.
 * @throws HoldfastError invalid_argument
 * @example
 * mountDashboard(app, { path: "/admin/queues", redis, authorize: (request) => adminOf(request) ?? false });
 */
export function mountDashboard(app: DashboardApp, options: MountOptions): MountedDashboard {
  assertApp(app);
  const identify = identifier(options.authorize);
  const path = isFastify(app) ? app.prefix + options.path : options.path;
  const config = configOf(path, options);
  const logger = (options.logger ?? createLogger({ LOG_LEVEL: "error" }, "dashboard")) as Logger;
  const { redis, prefix } = options;
  const metrics = createMetrics({ service: "dashboard", version: VERSION });
  const client = new Holdfast({ redis, prefix, onScript: metrics.onScript });
  const onError = (error: unknown) => logger.error({ err: error }, "authorize failed");
  const gate = new Gate({ path, identify, onError });
  const dashboard = createDashboard({
    config,
    client,
    redis,
    isCluster: isCluster(redis),
    metrics,
    entrance: { ...openEntrance(), identify: gate.identityOf },
    onKeysChange: (listener) => gate.onLoss(listener),
    logger,
    version: VERSION,
  });
  const ready = dashboard.then(async ({ server }) => {
    await server.ready();
    return server;
  });
  const abort = new AbortController();
  gate.open(ready, async () => {
    abort.abort();
    await (await dashboard).stop();
  });
  ready
    .then(async () => (await dashboard).start(abort.signal))
    .catch((error: unknown) => {
      if (!abort.signal.aborted) logger.error({ err: error }, "the dashboard cannot be used");
    });
  if (isFastify(app)) mountOnFastify(app, gate);
  else mountOnExpress(app, gate);
  return { stop: () => gate.stop() };
}

/** Returns the settings of the service. Its schema checks the options. */
function configOf(path: string, options: MountOptions) {
  const { authorize, allowedHosts = authorize === "none" ? [] : ["*"] } = options;
  const flag = (value: boolean | undefined) => (value === true ? "1" : undefined);
  try {
    return loadConfig(observabilityConfig, {
      // The app listens, not this server. So this address only decides which names are accepted in the Host header.
      HOST: "0.0.0.0",
      BASE_PATH: path || "/",
      READ_ONLY: flag(options.readOnly),
      ENVIRONMENT: options.environment,
      TRACE_URL: options.traceUrl,
      MASKED_POINTERS: options.maskedPointers?.join(),
      AUDIT_PAYLOAD_READS: flag(options.auditPayloadReads),
      TRUSTED_PROXIES: options.trustedProxies?.join(),
      ALERT_PRIVATE_HOSTS: options.alertPrivateHosts?.join(),
      DASHBOARD_URL: options.dashboardUrl,
      ALLOWED_ORIGINS: options.allowedOrigins?.join(),
      ALLOWED_HOSTS: allowedHosts.join(),
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.problems.join("; ").replace("BASE_PATH", "path");
    throw new HoldfastError("invalid_argument", `mountDashboard: ${problems}`, { cause: error });
  }
}

function isCluster(redis: RedisOption): boolean {
  if (typeof redis !== "object" || redis instanceof URL) return false;
  return "isCluster" in redis ? redis.isCluster : "clusterNodes" in redis;
}
