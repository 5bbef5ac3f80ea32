import {
  assertQueue,
  blockListOf,
  createHttpServer,
  createIntakeMetrics,
  type HttpServer,
  isTrusted,
  type Limiter,
  type ReadinessCheck,
  registerFlowRoutes,
  registerTaskRoutes,
  type ServiceMetrics,
  type serverLimits,
  type TaskRouteOptions,
} from "@holdfast/service";
import { HoldfastError } from "holdfast";
import type { OperationRunnerOptions, SeriesHistory } from "holdfast/operate";
import type { Logger } from "pino";
import { AlertMetrics } from "./alerts/alert-metrics.ts";
import { AlertEvaluator, type AlertStorePort } from "./alerts/evaluator.ts";
import { AlertSender } from "./alerts/sender.ts";
import { assertOwnPage, type Entrance, openEntrance } from "./identity/person.ts";
import { SESSION_COOKIE } from "./identity/sessions.ts";
import { type ActionsPort, AuditLog } from "./operators/audit-log.ts";
import { Operations, type OperationsPort, type RunnerPort } from "./operators/operations.ts";
import { alertRoutes } from "./routes/alerts.ts";
import { burstRoutes } from "./routes/burst.ts";
import { changeTasksRoutes } from "./routes/change-tasks.ts";
import type { ObserverPort, Producer, RouteContext, SchedulesPort } from "./routes/context.ts";
import { CONTENT_SECURITY_POLICY, dashboardRoutes } from "./routes/dashboard.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { errorRoutes } from "./routes/errors.ts";
import { flowRoutes } from "./routes/flows.ts";
import { heaviestKeysRoutes } from "./routes/heaviest-keys.ts";
import { limitRoutes } from "./routes/limits.ts";
import { limitsTrialRoutes } from "./routes/limits-trial.ts";
import { auditPayloadReads } from "./routes/payload-audit.ts";
import { queueRoutes } from "./routes/queues.ts";
import { redisRoutes } from "./routes/redis.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { sessionRoutes } from "./routes/session.ts";
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
import { RedisList } from "./several/redis-list.ts";
import { StreamHub } from "./stream/hub.ts";
import { type Addressed, ownHosts } from "./stream/origin.ts";

const READING_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export interface AppOptions {
  observer: ObserverPort;
  queue(name: string): Producer;
  /** Limits how many queues a key may create. @default no limit */
  newQueues?: TaskRouteOptions["newQueues"];
  schedules: SchedulesPort;
  operations: OperationsPort;
  actions: ActionsPort;
  alerts: AlertStorePort;
  /** Hosts with private addresses to which alerts may be sent. @default none */
  alertPrivateHosts?: string[];
  /** The address at which people open the dashboard, for links in alerts. @default no links */
  dashboardUrl?: string | undefined;
  /** Makes the object that runs operations in this process. Without it, other processes run them. */
  createRunner?(hooks: RunnerHooks): RunnerPort;
  /** Reads and writes the time series of queues in Redis. */
  history: Pick<SeriesHistory, "keep" | "read" | "deploys" | "types">;
  /** Throws while changes are not allowed, for example before Redis has passed its checks at the start. */
  assertOpen?(): void;
  /** Returns the reply of Redis to INFO. Not set for a Cluster, because the reply could come from any node. */
  redisInfo?(): Promise<string>;
  ready: ReadinessCheck;
  /** By default everybody is anonymous and may do everything. */
  entrance?: Entrance;
  limiter?: Limiter | undefined;
  serverLimits?: ReturnType<typeof serverLimits>;
  trustedProxies?: string[];
  basePath?: string | undefined;
  maskedPointers?: string[];
  /** Refuses every change. @default false */
  readOnly?: boolean;
  /** How many log-ins per key and minute are allowed, and how many log-outs. @default 60 */
  logInsPerMinute?: number;
  /** Whether each answer with unmasked payloads is recorded in the audit log. @default false */
  auditPayloadReads?: boolean;
  /** How many operations a key may have open. Small operations do not count. @default 10 */
  operationsPerKey?: number;
  /** How many live streams a key may have open. @default 25 */
  streamsPerKey?: number;
  /** The name of this Redis, and the list of all that the process shows. @default only this one */
  several?: { name: string; list: RedisList };
  /** The text of the environment badge. Demo load is refused unless it is empty or `development`. */
  environment?: string | null | undefined;
  /** The address of a trace, with `{traceId}` in place of its id. */
  traceUrl?: string | undefined;
  /** Calls the listener whenever keys were added or removed. Then the streams of those who lost access are ended. */
  onKeysChange?(listener: () => void): () => void;
  metrics: ServiceMetrics;
  logger: Logger;
  version: string;
  host: string;
  allowedHosts: string[];
  allowedOrigins: readonly string[];
  dashboardDir: string;
}

type RunnerHooks = Pick<OperationRunnerOptions, "onMoved" | "onEnded" | "onError">;

export interface App {
  server: HttpServer;
  /** Begins to read samples from Redis. */
  start(): void;
  /**
   * Hands operations over to other processes, closes the streams, and closes the server. Can be called more than once.
   */
  stop(): Promise<void>;
  sampler: Sampler;
}

/** Builds the service over an observer: routes, sampler, live stream and metrics. The server does not listen yet. */
export async function createApp(options: AppOptions): Promise<App> {
  const { observer, metrics, logger, readOnly = false } = options;
  const environment = options.environment ?? null;
  const entrance = options.entrance ?? openEntrance();
  const several = options.several ?? { name: "default", list: new RedisList() };
  const series = new SeriesStore();
  const keeper = new SeriesKeeper({ history: options.history, logger });
  const gauges = createGauges(metrics, series);
  const audit = new AuditLog({ actions: options.actions, logger });
  const runner = options.createRunner?.({
    onMoved: ({ kind, queue, to }, { counts }) => {
      if (kind !== "replay") return;
      gauges.countReplayed(
        queue,
        to === undefined || to === queue ? "replayed" : "moved",
        counts.replayed ?? 0,
      );
      gauges.countReplayed(queue, "skipped", counts.skipped ?? 0);
    },
    onEnded: (view, spec) => {
      const { id, kind, queue, state, done, total, error } = view;
      logger.info({ operationId: id, kind, queue, state, done, total, error }, "operation ended");
      void audit.operationEnded(view, spec);
    },
    onError: (error) => logger.warn({ err: error }, "could not claim or run an operation"),
  });
  const operations = new Operations({
    store: options.operations,
    runner,
    logger,
    perKey: options.operationsPerKey ?? 10,
  });
  const sender = new AlertSender({
    source: {
      environment,
      redisName: () => (several.list.isSeveral ? several.name : null),
      dashboardUrl: options.dashboardUrl ?? null,
    },
    privateHosts: options.alertPrivateHosts ?? [],
  });
  const evaluator = new AlertEvaluator({
    store: options.alerts,
    series,
    sender,
    metrics: new AlertMetrics(metrics),
    logger,
  });
  const sampler = new Sampler({
    observer,
    logger,
    onSample: (sample) => {
      if (sample.redisUp) series.record(sample.queues);
      evaluator.take(sample);
      keeper.take(sample);
      gauges.update(sample);
      if (sample.redisUp) void operations.refresh();
    },
  });
  const redisInfo = options.redisInfo
    ? new RedisInfo({ info: options.redisInfo, metrics, logger })
    : undefined;
  const hub = new StreamHub({
    sampler,
    rates: () => series.rates(),
    operations: (limit) => operations.latest(limit),
    logger,
    onClients: gauges.setClients,
    maxPerKey: options.streamsPerKey ?? 25,
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
    identify: entrance.identify,
    securitySchemes: {
      session: {
        type: "apiKey",
        in: "cookie",
        name: SESSION_COOKIE,
        description: "A log-in to the dashboard: `POST /v1/session`",
      },
    },
    limiter: options.limiter,
    ...options.serverLimits,
    onKeysChange: options.onKeysChange,
    trustedProxies: options.trustedProxies,
    basePath: options.basePath,
    maskedPointers: options.maskedPointers,
    contentSecurityPolicy: CONTENT_SECURITY_POLICY,
  });
  const proxies = blockListOf(options.trustedProxies ?? []);
  const hostsOf = (request: Addressed) => ownHosts(request, (address) => isTrusted(proxies, address));
  server.addHook("onRequest", async (request) => {
    if (READING_METHODS.has(request.method)) return;
    assertOwnPage(request.headers, request.identity, hostsOf(request.raw), options.allowedOrigins);
    if (readOnly && !request.routeOptions.config.allowsReadOnly && !request.is404) {
      throw new HoldfastError("forbidden", "this service is read-only: READ_ONLY=1");
    }
  });
  server.addHook("preHandler", async (request) => {
    if (!READING_METHODS.has(request.method)) options.assertOpen?.();
    // The body can name another queue, such as the target of a replay or the queue of a schedule.
    const { to, queue } = (request.body ?? {}) as { to?: unknown; queue?: unknown };
    for (const name of [to, queue]) if (typeof name === "string") assertQueue(request.identity, name);
  });
  options.onKeysChange?.(() => hub.check());

  const context: RouteContext = {
    observer,
    queue: options.queue,
    admitQueue: async (name, request) => options.newQueues?.admit(name, request),
    schedules: options.schedules,
    series,
    history: options.history,
    operations,
    audit,
    countReplayed: gauges.countReplayed,
    environment,
  };
  auditTaskRoutes(server, audit);
  if (options.auditPayloadReads) auditPayloadReads(server, audit);
  queueRoutes(server, context);
  limitRoutes(server, context);
  limitsTrialRoutes(server, context);
  heaviestKeysRoutes(server, context);
  taskRoutes(server, context);
  flowRoutes(server, context);
  deadLetterRoutes(server, context);
  errorRoutes(server, context);
  changeTasksRoutes(server, context);
  systemRoutes(server, context);
  scheduleRoutes(server, context);
  workerRoutes(server, context);
  alertRoutes(server, context, { store: options.alerts, sender, evaluator, sampler });
  sessionRoutes(server, {
    entrance,
    audit,
    readOnly,
    environment,
    traceUrl: options.traceUrl ?? null,
    redisName: () => (several.list.isSeveral ? several.name : null),
    logInsPerMinute: options.logInsPerMinute ?? 60,
  });
  redisRoutes(server, several);
  burstRoutes(server, context);
  const intake = {
    queue: options.queue,
    newQueues: options.newQueues,
    metrics: createIntakeMetrics(metrics),
    withoutGet: true,
  };
  registerTaskRoutes(server, intake);
  registerFlowRoutes(server, intake);
  await streamRoutes(server, { hub, hostsOf, allowedOrigins: options.allowedOrigins });
  await dashboardRoutes(server, { directory: options.dashboardDir });

  return {
    server,
    sampler,
    start() {
      sampler.start();
      operations.startRunner();
      redisInfo?.start();
    },
    async stop() {
      hub.stop();
      await operations.stop();
      await server.close();
      await sampler.stop();
      await keeper.stop();
      await evaluator.stop();
      await redisInfo?.stop();
    },
  };
}
