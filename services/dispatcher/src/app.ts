import {
  createErrorLog,
  createHttpServer,
  createMetrics,
  createRedisReadiness,
  type Environment,
  type HttpServer,
  type Logger,
  listen,
  observeWorkers,
  parseAllowedHosts,
  parseList,
  type RunningService,
  type ServiceMetrics,
  startTracing,
  toConnectionSettings,
  waitForRedis,
} from "@holdfast/service";
import { Poster } from "@holdfast/service/webhooks";
import { Holdfast, type Worker } from "holdfast";
import type { Config } from "./config.ts";
import { endpointWorker } from "./endpoint-worker.ts";
import { ALLOW_PRIVATE, type Endpoints, readEndpoints } from "./endpoints-file.ts";
import { DispatcherMetrics } from "./metrics.ts";
import { Reports } from "./reports.ts";
import { Sender } from "./sender.ts";
import { settleRoute } from "./settle-route.ts";
import { WebhookEvents } from "./webhook-events.ts";
import { webhookWorker } from "./webhook-worker.ts";

export interface App extends RunningService {
  http: HttpServer;
}

/** Without ENDPOINTS_FILE the service only answers its health checks. */
export async function startApp(
  config: Config,
  env: Environment,
  version: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<App> {
  const metrics = createMetrics({ service: "dispatcher", version });
  if (config.ENDPOINTS_FILE === undefined) {
    const http = await createServer(config, version, logger, metrics, async () => ({
      ok: true,
      detail: "idle: ENDPOINTS_FILE is not set",
    }));
    await listen(http, { host: config.HOST, port: config.DISPATCHER_PORT, variable: "DISPATCHER_PORT" });
    logger.info("ENDPOINTS_FILE is not set, so there is nothing to dispatch");
    return { http, stop: () => http.close() };
  }
  return startDispatcher(readEndpoints(config.ENDPOINTS_FILE, env), {
    config,
    version,
    logger,
    metrics,
    signal,
  });
}

interface Setup {
  config: Config;
  version: string;
  logger: Logger;
  metrics: ServiceMetrics;
  signal: AbortSignal;
}

async function startDispatcher(file: Endpoints, setup: Setup): Promise<App> {
  const { config, version, logger, metrics, signal } = setup;
  const settings = toConnectionSettings(config);
  const tracer = await startTracing(config, { name: "dispatcher", version }, logger);
  const shared = { redis: settings, prefix: config.QUEUE_PREFIX, onScript: metrics.onScript };
  const client = new Holdfast({ ...shared, instance: "dispatcher" });
  const poster = new Poster({ userAgent: "holdfast-dispatcher", privateSetting: ALLOW_PRIVATE });
  const counts = new DispatcherMetrics(metrics);
  const sender = new Sender(poster, counts);
  const options = { ...shared, version, tracing: tracer?.tracing, leaseMs: config.LEASE_MS };
  const events = new WebhookEvents(file, { client, metrics: counts, logger });
  const workers = file.endpoints.map((endpoint) => {
    counts.beginEndpoint(endpoint.name);
    const worker = endpointWorker(endpoint, sender, options);
    return { worker, queues: [endpoint.queue], types: endpoint.types.filter((type) => !type.endsWith("*")) };
  });
  if (file.webhooks.length > 0) workers.push(webhookWorker(file, { sender, events }, options));
  observeWorkers(workers, metrics);
  const readiness = createRedisReadiness({ client, metrics });
  const http = await createServer(config, version, logger, metrics, readiness.check);
  const { endpoints } = file;
  settleRoute(http, { endpoints, reports: new Reports(endpoints, client), metrics: counts });
  const stop = async (): Promise<void> => {
    await events.stop();
    await Promise.all(workers.map(({ worker }) => worker.stop({ graceMs: config.SHUTDOWN_GRACE_MS })));
    await http.close();
    await poster.close();
    await client.close();
    await tracer?.stop();
  };
  for (const { worker } of workers) watch(worker, logger);
  try {
    await listen(http, { host: config.HOST, port: config.DISPATCHER_PORT, variable: "DISPATCHER_PORT" });
    await waitForRedis({ client, settings, logger, signal });
    await Promise.all(workers.map(({ worker }) => worker.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  events.start();
  readiness.open();
  logger.info(
    {
      endpoints: file.endpoints.map(({ name, url, queue, types }) => ({
        name,
        host: url.host,
        queue,
        types,
      })),
      webhooks: file.webhooks.map(({ name, url, queues, on }) => ({ name, host: url.host, queues, on })),
    },
    "dispatcher is running",
  );
  return { http, stop };
}

function createServer(
  config: Config,
  version: string,
  logger: Logger,
  metrics: ServiceMetrics,
  ready: Parameters<typeof createHttpServer>[0]["ready"],
): Promise<HttpServer> {
  return createHttpServer({
    title: "Holdfast dispatcher",
    description: "Endpoints report here the ends of tasks that they have answered with 202.",
    version,
    logger,
    metrics,
    host: config.HOST,
    allowedHosts: parseAllowedHosts(config.ALLOWED_HOSTS),
    ready,
    trustedProxies: parseList(config.TRUSTED_PROXIES),
    basePath: config.BASE_PATH,
    connectionsPerAddress: config.CONNECTIONS_PER_ADDRESS,
    // Enough for a report: a result in JSON, and the other fields.
    bodyLimitBytes: 131_072,
  });
}

function watch(worker: Worker, logger: Logger): void {
  worker.on("error", createErrorLog(logger, "worker loop error"));
  worker.on("error", (error) => {
    if (error.code !== "heartbeat_failed") return;
    // If the heartbeat thread fails, the worker stops and hands back its tasks. Then this process exits, so that it
    // is restarted.
    void worker.stop().then(() => {
      logger.fatal({ err: error }, "the heartbeat thread was lost");
      process.exit(1);
    });
  });
}
