import { fileURLToPath } from "node:url";
import type { Role } from "@holdfast/contracts";
import { httpConfig, redisConfig, tracingConfig } from "@holdfast/service";
import { type Static, Type } from "typebox";

export const observabilityConfig = Type.Object({
  ...redisConfig,
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
        "Origins, beside its own, whose pages may open the live stream and change things, separated by commas.",
    }),
  ),
  SESSION_SECRET: Type.Optional(
    Type.String({
      secret: true,
      description:
        "Signs the session cookies, 32 characters or more. Not set: a new one at each start, which ends all sessions. Several, separated by commas: the first signs, all are taken.",
    }),
  ),
  SESSION_IDLE_MS: Type.Integer({
    default: 7_200_000,
    minimum: 60_000,
    maximum: 2_592_000_000,
    description: "A session ends so long after its last request, ms.",
  }),
  SESSION_MAX_MS: Type.Integer({
    default: 43_200_000,
    minimum: 60_000,
    maximum: 2_592_000_000,
    description: "A session ends so long after log-in, ms.",
  }),
  SESSIONS_PER_KEY: Type.Integer({
    default: 100,
    minimum: 1,
    maximum: 100_000,
    description:
      "Sessions that one key may have open at a time, as far as one process knows; one more is 429.",
  }),
  LOG_INS_PER_MINUTE: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 6_000,
    description: "Log-ins with one key in a minute, and as many log-outs; more are 429.",
  }),
  OPERATIONS_PER_KEY: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 50,
    description:
      "Operations of one key or address that have not ended, of 50 in all that run. Those about 500 tasks or fewer, without a rate or canary, are not counted.",
  }),
  STREAMS_PER_KEY: Type.Integer({
    default: 25,
    minimum: 1,
    maximum: 100,
    description:
      "Live streams of one key or address at a time, of 100 in all of one process; one more is answered 429.",
  }),
  AUDIT_PAYLOAD_READS: Type.Boolean({
    default: false,
    description:
      "The audit log also says who read payloads that were not masked for him: one record for each answer.",
  }),
  SESSION_SECURE_ONLY: Type.Boolean({
    default: false,
    description: "Session cookies over TLS only. Without it they are so where the browser came over TLS.",
  }),
  READ_ONLY: Type.Boolean({
    default: false,
    description: "Nobody changes anything through the dashboard and the operator API.",
  }),
  ENVIRONMENT: Type.Optional(
    Type.String({
      maxLength: 32,
      description:
        "Name of the environment, shown as a badge: `production`. Bursts of demo tasks are refused unless it is empty or `development`.",
    }),
  ),
  PROXY_USER_HEADER: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9-]{1,64}$",
      description: "Header in which a proxy of TRUSTED_PROXIES names the person that it has let in.",
    }),
  ),
  PROXY_ROLE_HEADER: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9-]{1,64}$",
      description: "Header in which it names the role: `viewer`, `operator` or `admin`.",
    }),
  ),
  PROXY_DEFAULT_ROLE: Type.Unsafe<Role>({
    type: "string",
    enum: ["viewer", "operator", "admin"],
    default: "viewer",
    description: "Role of whom that header gives none.",
  }),
  DASHBOARD_DIR: Type.String({
    // Seen from dist/ and from src/ alike.
    default: fileURLToPath(new URL("../../../dashboard/dist", import.meta.url)),
    description: "Folder of the built dashboard.",
  }),
});

export type ObservabilityConfig = Static<typeof observabilityConfig>;
