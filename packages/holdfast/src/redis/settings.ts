import type { ConnectionOptions as TlsOptions } from "node:tls";
import { HoldfastError } from "@holdfast/contracts";
import { either, listOf, oneOf, pattern, secret, text, whole, yesNo } from "../options/kinds.ts";
import { checkShape, type Kind, shapeOf, shown } from "../options/shape.ts";
import type { ConnectionSettings, RedisNode } from "./connection-settings.ts";
import type { Cluster, Redis } from "./ioredis.ts";
import { isClient, settingsOfClient } from "./ioredis-instance.ts";
import { parseRedisUrl } from "./redis-url.ts";

/**
 * Where Redis is: an address, settings, or a client of ioredis. Only the settings of the client are used; Holdfast
 * opens its own connections. All parts of a process with the same settings share these connections.
 */
export type RedisOption = string | URL | ConnectionSettings | Redis | Cluster;

const host = text(1, 255);
const port = whole(1, 65_535);

const isNode = (value: unknown): boolean => {
  const node = value as RedisNode | null;
  return typeof node === "object" && node !== null && host.is(node.host) && port.is(node.port);
};

const nodes = listOf(
  { wants: "{ host, port }", is: isNode },
  "a list of one or more { host: string, port: number }",
  1,
  100,
);

const isPlain = (value: unknown): boolean =>
  typeof value === "string" ||
  ArrayBuffer.isView(value) ||
  (Array.isArray(value) && value.every((one) => typeof one !== "function"));
const pem: Kind = { wants: "text, a Buffer or an array of them", is: isPlain, isSecret: true };

type PlainTls = Pick<
  TlsOptions,
  | "ca"
  | "cert"
  | "key"
  | "pfx"
  | "passphrase"
  | "crl"
  | "servername"
  | "rejectUnauthorized"
  | "minVersion"
  | "maxVersion"
  | "ciphers"
  | "ecdhCurve"
  | "sigalgs"
  | "ALPNProtocols"
  | "secureOptions"
>;

const tlsVersion = oneOf("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3");
export const tlsShape = shapeOf<PlainTls>({
  what: "TLS",
  title: "TLS to Redis",
  kinds: {
    ca: pem,
    cert: pem,
    key: pem,
    pfx: pem,
    passphrase: secret(text(0, 4_096)),
    crl: pem,
    servername: text(0, 255),
    rejectUnauthorized: yesNo,
    minVersion: tlsVersion,
    maxVersion: tlsVersion,
    ciphers: text(1, 4_096),
    ecdhCurve: text(1, 4_096),
    sigalgs: text(1, 4_096),
    ALPNProtocols: pem,
    secureOptions: whole(0, Number.MAX_SAFE_INTEGER),
  },
  hints: {
    checkServerIdentity:
      "a function cannot be handed to the heartbeat thread: set servername to the name in the certificate",
    secureContext: "it cannot be handed to the heartbeat thread: give ca, cert and key instead",
    host: "put host and port next to tls",
    port: "put host and port next to tls",
    caFile: "for a file use the option tlsCaFile, next to tls",
  },
});

const ownSetting =
  "Holdfast sets this itself, because its guarantees depend on it: leave it out. A client that you make yourself, with new Redis(options), keeps its own value";
const ownReads = "every call of Holdfast is a write, which a replica does not accept: leave it out";

export const connectionShape = shapeOf<ConnectionSettings>({
  what: "a connection to Redis",
  title: "Connection to Redis",
  kinds: {
    url: {
      wants: "a Redis URL",
      is: (value) => typeof value === "string" || value instanceof URL,
      isSecret: true,
    },
    host,
    port,
    path: pattern("the path of a unix socket", (value) => value !== "" && !value.includes("\0")),
    family: { wants: "4 or 6", is: (value) => value === 4 || value === 6 },
    username: secret(text(0, 4_096)),
    password: secret(text(0, 65_536)),
    db: whole(0, 1_000_000),
    sentinels: nodes,
    sentinelName: text(1, 255),
    sentinelUsername: secret(text(0, 4_096)),
    sentinelPassword: secret(text(0, 65_536)),
    clusterNodes: nodes,
    natMap: {
      wants: 'an object such as { "10.0.0.5:6379": { host: "127.0.0.1", port: 6379 } }',
      is: (value) =>
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        Object.values(value).every(isNode),
    },
    tls: either(yesNo, {
      wants: "options of tls.connect",
      is: (value) => typeof value === "object" && value !== null,
    }),
    tlsCaFile: text(1, 4_096),
    tlsServerName: text(1, 255),
    tlsCertFile: text(1, 4_096),
    tlsKeyFile: text(1, 4_096),
    commandTimeoutMs: whole(1, 3_600_000),
  },
  hints: {
    connection: "give its fields directly: redis: { host, port }",
    redis: "give its fields directly: redis: { host, port }",
    keyPrefix: "give the first part of every key as the option prefix, next to redis",
    prefix: "give it next to redis, not in it",
    name: "sentinelName",
    masterName: "sentinelName",
    socket: "give host and port, or path, directly: redis: { host, port }",
    rootNodes: "clusterNodes",
    nodes: "clusterNodes",
    database: "db",
    user: "username",
    pass: "password",
    auth: "password",
    hostname: "host",
    unixSocket: "path",
    commandTimeout: "commandTimeoutMs",
    ca: "tlsCaFile, or tls: { ca }",
    servername: "tlsServerName",
    rejectUnauthorized: "it is one of the options of tls: { rejectUnauthorized }",
    maxRetriesPerRequest: ownSetting,
    enableReadyCheck: ownSetting,
    enableOfflineQueue: ownSetting,
    lazyConnect: ownSetting,
    retryStrategy: ownSetting,
    reconnectOnError: ownSetting,
    connectTimeout: ownSetting,
    connectionName: ownSetting,
    autoResendUnfulfilledCommands: ownSetting,
    autoResubscribe: ownSetting,
    keepAlive: ownSetting,
    noDelay: ownSetting,
    socketTimeout: ownSetting,
    enableAutoPipelining: ownSetting,
    showFriendlyErrorStack: ownSetting,
    sentinelRetryStrategy: ownSetting,
    clusterRetryStrategy: ownSetting,
    readOnly: ownReads,
    role: ownReads,
    scaleReads: ownReads,
    Connector: "give the address of Redis instead: url, host and port, path, sentinels or clusterNodes",
    sentinelTLS: "with tls, the connections to the Sentinels use TLS too",
    enableTLSForSentinelMode: "with tls, the connections to the Sentinels use TLS too",
    redisOptions: "give its fields directly, beside clusterNodes",
  },
  rule: contradictionOf,
});

function contradictionOf(settings: ConnectionSettings): string | undefined {
  const given = (...names: (keyof ConnectionSettings)[]) =>
    names.filter((name) => settings[name] !== undefined);
  for (const [name, others] of [
    ["clusterNodes", given("sentinels", "url", "host", "port", "path")],
    ["sentinels", given("url", "host", "port", "path")],
    ["url", given("host", "port", "path")],
    ["path", given("host", "port", "family")],
  ] as const) {
    const [other] = others;
    if (settings[name] !== undefined && other !== undefined)
      return `${name} and ${other} cannot be combined: both say where Redis is`;
  }
  const [ofSentinels] = given("sentinelName", "sentinelUsername", "sentinelPassword");
  if (ofSentinels !== undefined && settings.sentinels === undefined) return `${ofSentinels} needs sentinels`;
  if (
    settings.natMap !== undefined &&
    settings.sentinels === undefined &&
    settings.clusterNodes === undefined
  )
    return "natMap needs sentinels or clusterNodes";
  if (settings.clusterNodes !== undefined && (settings.db ?? 0) !== 0)
    return `db has to be 0 with clusterNodes: a Cluster has one database, got ${settings.db}`;
  if ((settings.tlsCertFile === undefined) !== (settings.tlsKeyFile === undefined))
    return "tlsCertFile and tlsKeyFile belong together: set both or none";
  const [file] = given("tlsCaFile", "tlsServerName", "tlsCertFile");
  if (file !== undefined && settings.tls === false)
    return `tls is false and ${file} is set: keep one of them`;
  if (file !== undefined && typeof settings.tls === "object")
    return `tls has options and ${file} is set: put all into one of them`;
  return undefined;
}

/**
 * Checks settings, and reads a URL or a client, so that only plain values remain, which can be copied to the heartbeat
 * thread. Settings that this function has returned are returned unchanged.
 * @throws HoldfastError invalid_argument that says what is wrong, without any credential
 */
export function settingsOf(redis: RedisOption): ConnectionSettings {
  if (typeof redis === "string" || redis instanceof URL) return settingsOf({ url: redis });
  if (redis === undefined || redis === null)
    throw new HoldfastError(
      "invalid_argument",
      `redis is ${redis}: give the address of Redis, such as redis://127.0.0.1:6379 (is an environment variable missing?)`,
    );
  if (typeof redis !== "object")
    throw new HoldfastError(
      "invalid_argument",
      `redis has to be a URL, settings or a client of ioredis, got ${shown(redis)}`,
    );
  if (isClient(redis)) return settingsOf(settingsOfClient(redis));
  if ("sendCommand" in redis || "duplicate" in redis)
    throw new HoldfastError(
      "invalid_argument",
      "redis is a client of another library, not of ioredis: give its URL or settings",
    );
  checkShape(connectionShape, redis, "redis.");
  if (typeof redis.tls === "object") checkShape(tlsShape, redis.tls, "redis.tls.");
  const { url, ...settings } = redis;
  const merged = url === undefined ? settings : merge(settings, parseRedisUrl(String(url)));
  const whereAny = merged.clusterNodes ?? merged.sentinels ?? merged.path ?? merged.host ?? merged.port;
  if (whereAny === undefined)
    throw new HoldfastError(
      "invalid_argument",
      "redis does not say where Redis is: give a url, host and port, a path, sentinels or clusterNodes. See docs/options.md#connection-to-redis",
    );
  return merged;
}

/** Joins the settings in a URL with the other fields. @throws HoldfastError invalid_argument for a contradiction */
function merge(settings: ConnectionSettings, url: ConnectionSettings): ConnectionSettings {
  const merged: Record<string, unknown> = { ...url };
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    if (name === "tls" && url.tls === true && value !== false) {
      merged.tls = value;
      continue;
    }
    if (merged[name] !== undefined && merged[name] !== value)
      throw new HoldfastError(
        "invalid_argument",
        `the URL of Redis and redis.${name} differ: keep one of them`,
      );
    merged[name] = value;
  }
  return merged as ConnectionSettings;
}

/** Returns "host:port" of the settings, without credentials, for messages. @throws HoldfastError invalid_argument */
export function describeRedis(redis: RedisOption): string {
  const s = settingsOf(redis);
  const address = (node: { host: string; port: number }) =>
    `${node.host.includes(":") ? `[${node.host}]` : node.host}:${node.port}`;
  if (s.clusterNodes) return s.clusterNodes.map(address).join(",");
  if (s.sentinels) return `${s.sentinelName ?? "mymaster"} by ${s.sentinels.map(address).join(",")}`;
  return s.path ?? address({ host: s.host ?? "127.0.0.1", port: s.port ?? 6379 });
}
