import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Role } from "@holdfast/contracts";
import { httpConfig, redisConfig, severalRedisConfig, tracingConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

/**
 * The folder of the built dashboard, in the repository and in the published package. Both paths work from dist/ and
 * from src/.
 */
const DASHBOARD_DIRS = ["../../../dashboard/dist", "../dashboard"].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
) as [string, string];

export const observabilityConfig = Type.Object({
  ...redisConfig,
  ...severalRedisConfig,
  ...httpConfig,
  ...tracingConfig,
  OBSERVABILITY_PORT: Type.Integer({
    default: 3001,
    minimum: 1,
    maximum: 65_535,
    description: "Port of the dashboard and the operator API.",
  }),
  ALLOWED_ORIGINS: Type.Optional(
    Type.String({
      description:
        "Further origins whose pages may open the live stream and change things, separated by commas.",
    }),
  ),
  SESSION_SECRET: Type.Optional(
    Type.String({
      secret: true,
      description:
        "Signs the session cookies, 32 characters or more. Not set: each start makes a new one, which ends all sessions. Several, separated by commas: the first signs, all are accepted.",
    }),
  ),
  SESSION_IDLE_MS: Type.Integer({
    default: 7_200_000,
    minimum: 60_000,
    maximum: 2_592_000_000,
    description: "Time from the last request of a session to its end, ms.",
  }),
  SESSION_MAX_MS: Type.Integer({
    default: 43_200_000,
    minimum: 60_000,
    maximum: 2_592_000_000,
    description: "Time from the log-in to the end of a session, ms.",
  }),
  SESSIONS_PER_KEY: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 100_000,
    description: "Open sessions per key, as far as one process knows; each further one gets 429.",
  }),
  LOG_INS_PER_MINUTE: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 6_000,
    description: "Log-ins, and as many log-outs, per key and minute; further ones get 429.",
  }),
  OPERATIONS_PER_KEY: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 50,
    description:
      "Open operations per key or address; 50 may run in all. Operations on at most 500 tasks, without a rate or canary, are not counted.",
  }),
  STREAMS_PER_KEY: Type.Integer({
    default: 25,
    minimum: 1,
    maximum: 100,
    description: "Live streams per key or address, and at most 100 per process; each further one gets 429.",
  }),
  AUDIT_PAYLOAD_READS: Type.Boolean({
    default: false,
    description: "Also records in the audit log who read unmasked payloads: one record per answer.",
  }),
  SESSION_SECURE_ONLY: Type.Boolean({
    default: false,
    description:
      "Always limits session cookies to TLS. If not set, only cookies for browsers that came over TLS are limited.",
  }),
  READ_ONLY: Type.Boolean({
    default: false,
    description: "Refuses every change through the dashboard and the operator API.",
  }),
  ENVIRONMENT: Type.Optional(
    Type.String({
      maxLength: 32,
      description:
        "Name of the environment, shown as a badge: `production`. Bursts of demo tasks are refused unless it is empty or `development`.",
    }),
  ),
  TRACE_URL: Type.Optional(
    Type.String({
      pattern: "^https?://\\S*\\{traceId\\}\\S*$",
      maxLength: 1_024,
      description:
        "Address of a trace in your tracing backend, with `{traceId}` in place of its id. The dashboard links each traced task to it.",
    }),
  ),
  ALERT_PRIVATE_HOSTS: Type.Optional(
    Type.String({
      description:
        "Hosts, `name` or `name:port` separated by commas, to which alerts may be sent although their addresses are not public; `http://` is possible for them.",
    }),
  ),
  DASHBOARD_URL: Type.Optional(
    Type.String({
      pattern: "^https?://[^\\s<>|]+$",
      description: "Address under which people open the dashboard. Alerts link to it.",
    }),
  ),
  PROXY_USER_HEADER: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9-]{1,64}$",
      description: "Header in which a proxy of TRUSTED_PROXIES names the person that it has authenticated.",
    }),
  ),
  PROXY_ROLE_HEADER: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9-]{1,64}$",
      description: "Header in which the proxy names the role: `viewer`, `operator` or `admin`.",
    }),
  ),
  PROXY_DEFAULT_ROLE: Type.Unsafe<Role>({
    type: "string",
    enum: ["viewer", "operator", "admin"],
    default: "viewer",
    description: "Role of a person for whom that header is missing.",
  }),
  DASHBOARD_DIR: Type.String({
    default: DASHBOARD_DIRS.find(existsSync) ?? DASHBOARD_DIRS[0],
    description: "Folder of the built dashboard.",
  }),
});

export type ObservabilityConfig = Static<typeof observabilityConfig>;
