import {
  assertQueue,
  createHttpServer,
  createIntakeMetrics,
  type HttpServer,
  type Identify,
  type ReadinessCheck,
  registerTaskRoutes,
  type ServiceMetrics,
} from "@holdfast/service";
import { HoldfastError, type SeriesHistory } from "holdfast";
import type { Logger } from "pino";
import { AuditLog } from "./operators/audit-log.ts";
import { Operations } from "./operators/operations.ts";
import { burstRoutes } from "./routes/burst.ts";
import type { ObserverPort, Producer, RouteContext } from "./routes/context.ts";
import { CONTENT_SECURITY_POLICY, dashboardRoutes } from "./routes/dashboard.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { queueRoutes } from "./routes/queues.ts";
import { type SchedulesPort, scheduleRoutes } from "./routes/schedules.ts";
import { streamRoutes } from "./routes/stream.ts";
import { systemRoutes } from "./routes/system.ts";
import { auditTaskRoutes } from "./routes/task-audit.ts";
import { taskRoutes } from "./routes/tasks.ts";
import { workerRoutes } from "./routes/workers.ts";
import { createGauges } from "./sampling/gauges.ts";
import { RedisInfo } from "./sampling/redis-info.ts";
import { Sampler } from "./sampling/sampler.ts";
import { SeriesStore } from "./sampling/series.ts";
import { SeriesKeeper } from "./sampling/series-keeper.ts";
import { StreamHub } from "./stream/hub.ts";
import { isAllowedOrigin } from "./stream/origin.ts";

const READING_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export interface AppOptions {
  observer: ObserverPort;
  queue(name: string): Producer;
  schedules: SchedulesPort;
  /** The series that Redis keeps. */
  history: Pick<SeriesHistory, "keep" | "read">;
  /** Throws while nothing may be changed, as before the boot checks of Redis have passed. */
  assertOpen?(): void;
  /** The text of INFO. Not given for a Cluster: it would be that of one node, now this, now that. */
  redisInfo?(): Promise<string>;
  ready: ReadinessCheck;
  /** @default everybody is anonymous, and may do everything */
  identify?: Identify;
  /** Tells when keys came or went: streams of those who may no longer are ended. */
  onKeysChange?(listener: () => void): () => void;
  metrics: ServiceMetrics;
  logger: Logger;
  version: string;
  host: string;
  allowedHosts: string[];
  allowedOrigins: readonly string[];
  dashboardDir: string;
}

export interface App {
  server: HttpServer;
  /** Starts the sampling of Redis. */
  start(): void;
  /** Idempotent. Cancels operations, says goodbye to stream clients and closes the server. */
  stop(): Promise<void>;
  sampler: Sampler;
}

/** Wires routes, sampler, stream and registries over an observer. Does not listen. */
export async function createApp(options: AppOptions): Promise<App> {
  const { observer, metrics, logger } = options;
  const series = new SeriesStore();
  const keeper = new SeriesKeeper({ history: options.history, logger });
  const gauges = createGauges(metrics, series);
  const operations = new Operations({ logger });
  const audit = new AuditLog({ logger });
  const sampler = new Sampler({
    observer,
    logger,
    onSample: (sample) => {
      if (sample.redisUp) series.record(sample.queues);
      keeper.take(sample);
      gauges.update(sample);
    },
  });
  const redisInfo = options.redisInfo
    ? new RedisInfo({ info: options.redisInfo, metrics, logger })
    : undefined;
  const hub = new StreamHub({
    sampler,
    rates: () => series.rates(),
    operations: (limit) => operations.list(limit),
    logger,
    onClients: gauges.setClients,
  });
  const server = await createHttpServer({
    title: "Holdfast observability",
    description:
      "Counts, tasks, dead letters and operator actions of every queue. The live stream is `WS /v1/stream`; its frames are `StreamMessage` of @holdfast/contracts/api.",
    version: options.version,
    logger,
    metrics,
    host: options.host,
    allowedHosts: options.allowedHosts,
    ready: options.ready,
    identify: options.identify,
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
  });
  server.addHook("onRequest", async (request) => {
    const { origin, host } = request.headers;
    // A page from elsewhere can send a POST without a body through the user's browser, unasked.
    if (!READING_METHODS.has(request.method) && !isAllowedOrigin(origin, host, options.allowedOrigins)) {
      throw new HoldfastError(
        "forbidden",
        "pages of this Origin may not change anything: add it to ALLOWED_ORIGINS",
      );
    }
  });
  server.addHook("preHandler", async (request) => {
    if (!READING_METHODS.has(request.method)) options.assertOpen?.();
    // A queue can be named in the body, too: the target of a replay, the queue of a schedule.
    const { to, queue } = (request.body ?? {}) as { to?: unknown; queue?: unknown };
    for (const name of [to, queue]) if (typeof name === "string") assertQueue(request.identity, name);
  });
  options.onKeysChange?.(() => hub.check());

  const context: RouteContext = {
    observer,
    queue: options.queue,
    schedules: options.schedules,
    series,
    history: options.history,
    operations,
    audit,
    countReplayed: gauges.countReplayed,
  };
  auditTaskRoutes(server, audit);
  queueRoutes(server, context);
  taskRoutes(server, context);
  deadLetterRoutes(server, context);
  systemRoutes(server, context);
  scheduleRoutes(server, context);
  workerRoutes(server, context);
  burstRoutes(server, context);
  registerTaskRoutes(server, {
    queue: options.queue,
    metrics: createIntakeMetrics(metrics),
    withoutGet: true,
  });
  await streamRoutes(server, { hub, allowedOrigins: options.allowedOrigins });
  await dashboardRoutes(server, { directory: options.dashboardDir });

  return {
    server,
    sampler,
    start() {
      sampler.start();
      redisInfo?.start();
    },
    async stop() {
      hub.stop();
      await operations.stop();
      await server.close();
      await sampler.stop();
      await keeper.stop();
      await redisInfo?.stop();
    },
  };
}
