export { type Api, runApi, startApi } from "./api.ts";
export { blockListOf, isTrusted, networkOf } from "./config/addresses.ts";
export {
  type HttpConfig,
  httpConfig,
  isLoopback,
  metricsConfig,
  parseAllowedHosts,
  parseList,
  serverLimits,
} from "./config/http.ts";
export { ConfigError, configTable, type Environment, loadConfig } from "./config/load.ts";
export {
  parseRedisUrls,
  type RedisConfig,
  redisConfig,
  severalRedisConfig,
  toConnectionSettings,
} from "./config/redis.ts";
export * from "./error-log.ts";
export { type FlowQueue, unknownFlow } from "./flows/intake.ts";
export * from "./flows/routes.ts";
export * from "./http/errors.ts";
export * from "./http/health.ts";
export * from "./http/hosts.ts";
export { longPoll } from "./http/long-poll.ts";
export { cutPathInFront } from "./http/path-in-front.ts";
export * from "./http/problem.ts";
export * from "./http/server.ts";
export type { HttpServer, Watch } from "./http/types.ts";
export { issuesOf, OneOf } from "./http/validation.ts";
export * from "./identity/access.ts";
export * from "./identity/key-ring.ts";
export * from "./identity/open-keys.ts";
export * from "./identity/rate-limit.ts";
export {
  assertQueue,
  assertScope,
  defaultScope,
  NOBODY,
  notYetKnown,
  type RouteScope,
} from "./identity/scopes.ts";
export { createMasker, parsePointers } from "./json/mask.ts";
export { loadConfigOrExit, type RunningService, runService, StartupError } from "./lifecycle.ts";
export { createLogger, type Logger } from "./logger.ts";
export * from "./metrics.ts";
export * from "./ports.ts";
export * from "./readiness.ts";
export * from "./redis-gate.ts";
export { registerFastLane } from "./tasks/fast-lane.ts";
export type { TaskRouteOptions } from "./tasks/intake.ts";
export * from "./tasks/metrics.ts";
export * from "./tasks/queues.ts";
export * from "./tasks/routes.ts";
export * from "./tasks/schema.ts";
export { attemptViewSchema, taskViewSchema } from "./tasks/view-schema.ts";
export * from "./tracing/tracing.ts";
export { type Observed, observeAttempts, observeWorkers } from "./worker-metrics.ts";
