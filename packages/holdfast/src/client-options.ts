import { isKeyPrefix } from "@holdfast/contracts";
import { anything, pattern } from "./options/kinds.ts";
import type { Kind } from "./options/shape.ts";
import type { RedisOption } from "./redis/settings.ts";
import type { Tracing } from "./tracing/tracing.ts";

/** The first part of every Redis key. */
export const prefixKind: Kind = pattern(
  "1 to 64 of A-Z a-z 0-9 _ . : -, the first a letter or digit",
  isKeyPrefix,
);

/** Only the presence is checked here; the settings themselves are checked when the connection is made. */
export const redisKind: Kind = {
  ...anything,
  wants: "where Redis is: a URL, settings, or a client of ioredis",
  isSecret: true,
};

export const tracingKind: Kind = {
  wants: "a Tracing, such as openTelemetry() of holdfast/opentelemetry",
  is: (value) => {
    const { enqueue, attempt } = (value ?? {}) as Partial<Tracing>;
    return typeof enqueue === "function" && typeof attempt === "function";
  },
};

const asRedis = "redis";

/** Hints for option names of other libraries that mean the same. */
export const redisHints = {
  connection: asRedis,
  redisUrl: asRedis,
  url: asRedis,
  createClient: asRedis,
  host: "the address of Redis belongs in redis: { host, port }",
  port: "the address of Redis belongs in redis: { host, port }",
  keyPrefix: "prefix",
  namespace: "prefix",
} as const;

/** Options that have either a shared client or the settings for a new one. */
export interface OwnerOptions {
  client?: unknown;
  redis?: RedisOption | undefined;
  prefix?: unknown;
  tracing?: unknown;
  onScript?: unknown;
}

/** Checks such options. @returns what is wrong with them; undefined if nothing is */
export function ownerProblem(options: OwnerOptions): string | undefined {
  const { client, redis } = options;
  if (client === undefined)
    return redis === undefined && !("redis" in options)
      ? 'redis is missing: give its address, such as { redis: "redis://127.0.0.1:6379" }, or a client that is shared'
      : undefined;
  for (const name of ["redis", "prefix", "tracing", "onScript"] as const)
    if (options[name] !== undefined)
      return `client and ${name} cannot be combined: the client has its own ${name}`;
  return undefined;
}
