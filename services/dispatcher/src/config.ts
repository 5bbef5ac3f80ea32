import { httpConfig, redisConfig, tracingConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

export const configSchema = Type.Object({
  ENDPOINTS_FILE: Type.Optional(
    Type.String({
      description:
        "File of endpoints and webhooks, JSON. Not set: the service has nothing to do and does not connect to Redis.",
    }),
  ),
  DISPATCHER_PORT: Type.Integer({
    default: 3_003,
    minimum: 1,
    maximum: 65_535,
    description:
      "Port of `/metrics`, `/livez`, `/readyz`, and of the route by which endpoints report the end of a task.",
  }),
  LEASE_MS: Type.Integer({
    default: 30_000,
    minimum: 1_000,
    maximum: 3_600_000,
    description: "How long a task stays leased to this dispatcher without a heartbeat, ms.",
  }),
  SHUTDOWN_GRACE_MS: Type.Integer({
    default: 25_000,
    minimum: 0,
    maximum: 3_600_000,
    description: "How long deliveries may continue after SIGTERM, ms. Then their tasks are released.",
  }),
  HOST: httpConfig.HOST,
  ALLOWED_HOSTS: httpConfig.ALLOWED_HOSTS,
  CONNECTIONS_PER_ADDRESS: httpConfig.CONNECTIONS_PER_ADDRESS,
  TRUSTED_PROXIES: httpConfig.TRUSTED_PROXIES,
  BASE_PATH: httpConfig.BASE_PATH,
  ...redisConfig,
  ...tracingConfig,
});

export type Config = Static<typeof configSchema>;
