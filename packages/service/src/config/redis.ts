import { accessSync, constants } from "node:fs";
import { KEY_PREFIX_PATTERN } from "@holdfast/contracts";
import { type ConnectionSettings, describeRedis } from "holdfast";
import { type Static, Type } from "typebox";

const nodes = (what: string) =>
  Type.Optional(
    Type.String({
      pattern: "^[^\\s,:]+(:\\d{1,5})?(,[^\\s,:]+(:\\d{1,5})?)*$",
      description: `${what}, \`host:port\` separated by commas.`,
    }),
  );

/** How every service connects to Redis. These settings are part of the schema of every service. */
export const redisConfig = {
  REDIS_URL: Type.Optional(
    Type.String({
      secret: true,
      description:
        "`redis://`, `rediss://` or `unix://` address. It overrides the single variables, which supply only a user or password that is missing in it.",
    }),
  ),
  REDIS_HOST: Type.String({ default: "127.0.0.1", description: "Host of Redis." }),
  REDIS_PORT: Type.Integer({ default: 6379, minimum: 1, maximum: 65_535, description: "Port of Redis." }),
  REDIS_USERNAME: Type.Optional(Type.String({ secret: true, description: "User of Redis ACLs." })),
  REDIS_PASSWORD: Type.Optional(Type.String({ secret: true, description: "Password of Redis." })),
  REDIS_TLS: Type.Boolean({
    default: false,
    description: "Connect with TLS. Implied by `rediss://` and by each of the four variables below.",
  }),
  REDIS_TLS_CA_FILE: Type.Optional(
    Type.String({
      description: "CA certificates (PEM) for the certificate of Redis, if Node does not know the CA.",
    }),
  ),
  REDIS_TLS_SERVER_NAME: Type.Optional(
    Type.String({
      description: "Name in the certificate of Redis, if it is not the host.",
    }),
  ),
  REDIS_TLS_CERT_FILE: Type.Optional(
    Type.String({ description: "Certificate of this client (PEM), if Redis asks for one." }),
  ),
  REDIS_TLS_KEY_FILE: Type.Optional(
    Type.String({ description: "Private key of REDIS_TLS_CERT_FILE (PEM)." }),
  ),
  REDIS_SENTINELS: nodes("Sentinels"),
  REDIS_SENTINEL_NAME: Type.Optional(
    Type.String({ description: "Name of the master that the Sentinels watch." }),
  ),
  REDIS_CLUSTER_NODES: nodes("Nodes of a Redis Cluster to start from"),
  QUEUE_PREFIX: Type.String({
    default: "queue",
    pattern: KEY_PREFIX_PATTERN,
    description: "First part of every key. Two systems on one Redis need different prefixes.",
  }),
  LOG_LEVEL: Type.Unsafe<"fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent">({
    type: "string",
    enum: ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
    default: "info",
    description: "Least severe log line to write.",
  }),
};

/** The settings of a service that shows several Redis servers. */
export const severalRedisConfig = {
  REDIS_NAME: Type.String({
    default: "default",
    pattern: "^[a-z0-9][a-z0-9-]{0,31}$",
    description: "Name of the Redis of REDIS_URL in the dashboard, if REDIS_URLS has further ones.",
  }),
  REDIS_URLS: Type.Optional(
    Type.String({
      secret: true,
      description:
        "Further Redis for the dashboard, `name=address` separated by commas or lines: `eu=rediss://…,us=rediss://…`. The other variables of Redis supply what an address lacks.",
    }),
  ),
};

const REDIS_NAME = /^[a-z0-9][a-z0-9-]{0,31}$/;

/**
 * Reads REDIS_URLS: the address of each further Redis by its name.
 * @throws Error that says what is wrong, without an address
 */
export function parseRedisUrls(text: string, firstName: string): Map<string, string> {
  const urls = new Map<string, string>();
  for (const [index, entry] of text
    .split(/[\s,]+/)
    .filter(Boolean)
    .entries()) {
    const equals = entry.indexOf("=");
    const name = entry.slice(0, Math.max(0, equals));
    const place = `entry ${index + 1}`;
    if (!REDIS_NAME.test(name))
      throw new Error(`${place} has to begin with a name of a-z, 0-9 and - and "=", such as eu=rediss://…`);
    if (name === firstName || urls.has(name))
      throw new Error(`"${name}" is used twice: REDIS_NAME is the name of the first Redis`);
    try {
      describeRedis(entry.slice(equals + 1));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`);
    }
    urls.set(name, entry.slice(equals + 1));
  }
  return urls;
}

const redisObject = Type.Object(redisConfig);
export type RedisConfig = Static<typeof redisObject>;

/** Turns the environment settings of a service into the Redis settings of the library. */
export function toConnectionSettings(config: RedisConfig): ConnectionSettings {
  const settings: ConnectionSettings = {};
  if (config.REDIS_USERNAME !== undefined) settings.username = config.REDIS_USERNAME;
  if (config.REDIS_PASSWORD !== undefined) settings.password = config.REDIS_PASSWORD;
  if (config.REDIS_TLS) settings.tls = true;
  if (config.REDIS_TLS_CA_FILE !== undefined) settings.tlsCaFile = config.REDIS_TLS_CA_FILE;
  if (config.REDIS_TLS_SERVER_NAME !== undefined) settings.tlsServerName = config.REDIS_TLS_SERVER_NAME;
  if (config.REDIS_TLS_CERT_FILE !== undefined) settings.tlsCertFile = config.REDIS_TLS_CERT_FILE;
  if (config.REDIS_TLS_KEY_FILE !== undefined) settings.tlsKeyFile = config.REDIS_TLS_KEY_FILE;
  if (config.REDIS_SENTINELS !== undefined && config.REDIS_SENTINEL_NAME !== undefined) {
    settings.sentinels = parseNodes(config.REDIS_SENTINELS, 26_379);
    settings.sentinelName = config.REDIS_SENTINEL_NAME;
  } else if (config.REDIS_CLUSTER_NODES !== undefined) {
    settings.clusterNodes = parseNodes(config.REDIS_CLUSTER_NODES, 6_379);
  } else if (config.REDIS_URL !== undefined) {
    settings.url = config.REDIS_URL;
    // If the URL has a password, it decides who logs in. Otherwise REDIS_USERNAME and REDIS_PASSWORD do.
    if (URL.canParse(config.REDIS_URL) && new URL(config.REDIS_URL).password !== "") {
      delete settings.username;
      delete settings.password;
    }
  } else {
    settings.host = config.REDIS_HOST;
    settings.port = config.REDIS_PORT;
  }
  return settings;
}

/** Returns the contradictions between variables that are each valid alone. */
export function redisProblems(config: Record<string, unknown>): string[] {
  const problems: string[] = [];
  if ((config.REDIS_SENTINELS === undefined) !== (config.REDIS_SENTINEL_NAME === undefined)) {
    problems.push("REDIS_SENTINELS and REDIS_SENTINEL_NAME belong together: set both or none");
  }
  if (config.REDIS_SENTINELS !== undefined && config.REDIS_CLUSTER_NODES !== undefined) {
    problems.push("REDIS_SENTINELS and REDIS_CLUSTER_NODES cannot be combined: keep one of them");
  }
  if (typeof config.REDIS_URL === "string") {
    try {
      describeRedis(config.REDIS_URL);
    } catch (error) {
      problems.push(`REDIS_URL: ${(error as Error).message}`);
    }
  }
  if (typeof config.REDIS_URLS === "string") {
    try {
      parseRedisUrls(config.REDIS_URLS, String(config.REDIS_NAME));
    } catch (error) {
      problems.push(`REDIS_URLS: ${(error as Error).message}`);
    }
  }
  if ((config.REDIS_TLS_CERT_FILE === undefined) !== (config.REDIS_TLS_KEY_FILE === undefined)) {
    problems.push("REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE belong together: set both or none");
  }
  for (const name of ["REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE"]) {
    const path = config[name];
    if (typeof path !== "string") continue;
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      problems.push(`${name}: cannot read "${path}": ${(error as Error).message}`);
    }
  }
  return problems;
}

function parseNodes(text: string, defaultPort: number): { host: string; port: number }[] {
  return text.split(",").map((entry) => {
    const [host = "", port] = entry.split(":");
    return { host, port: port === undefined ? defaultPort : Number(port) };
  });
}
