import { lookup } from "node:dns";
import { HoldfastError } from "@holdfast/contracts";
import type { ConnectionSettings, RedisNode } from "./connection-settings.ts";
import type { Cluster, Redis } from "./ioredis.ts";
import { parseRedisUrl } from "./redis-url.ts";

type Options = Record<string, unknown>;

/** Returns whether the value is a client of any version of ioredis. `instanceof` knows only the installed one. */
export function isClient(value: object): value is Redis | Cluster {
  const client = value as Partial<Redis> & Partial<Cluster>;
  if (typeof client.duplicate !== "function" || typeof client.options !== "object") return false;
  return client.isCluster === true || ("lazyConnect" in client.options && "connector" in value);
}

function refuse(why: string): never {
  throw new HoldfastError(
    "invalid_argument",
    `the ioredis client given as redis ${why}. See docs/options.md#connection-to-redis`,
  );
}

/** Returns the settings of a client of ioredis. @throws HoldfastError invalid_argument for an unsupported setting */
export function settingsOfClient(client: Redis | Cluster): ConnectionSettings {
  const options = client.options as Options;
  if (options.keyPrefix)
    refuse(
      "has a keyPrefix, which is not added to the keys of scripts: leave it out and set the option prefix",
    );
  return (client as Partial<Cluster>).isCluster === true
    ? clusterSettings((client as unknown as { startupNodes: unknown[] }).startupNodes, options)
    : serverSettings(options);
}

function serverSettings(options: Options): ConnectionSettings {
  if (options.Connector) refuse("has a Connector of its own: give the address of Redis instead");
  if (options.role !== undefined && options.role !== "master")
    refuse("connects to a replica, which accepts no writes");
  const settings = common(options);
  if (typeof options.db === "number" && options.db !== 0) settings.db = options.db;
  if (Array.isArray(options.sentinels)) {
    settings.sentinels = options.sentinels.map((node) => nodeOf(node, 26_379));
    if (options.name) settings.sentinelName = String(options.name);
    if (options.sentinelUsername) settings.sentinelUsername = String(options.sentinelUsername);
    if (options.sentinelPassword) settings.sentinelPassword = String(options.sentinelPassword);
    if (settings.tls !== undefined && !options.enableTLSForSentinelMode)
      refuse("has tls and no enableTLSForSentinelMode, so only its connections to the master use TLS");
    if (options.sentinelTLS && settings.tls === undefined)
      refuse(
        "has sentinelTLS and no tls: Holdfast uses TLS for the Sentinels and for the master, or for neither",
      );
  } else if (options.path) settings.path = String(options.path);
  else {
    settings.host = String(options.host ?? "127.0.0.1");
    settings.port = Number(options.port ?? 6379);
  }
  return settings;
}

function clusterSettings(nodes: unknown[], options: Options): ConnectionSettings {
  const own = (options.redisOptions ?? {}) as Options;
  if (own.keyPrefix) refuse("has a keyPrefix: leave it out and set the option prefix");
  if (options.useSRVRecords) refuse("finds its nodes by SRV records: give clusterNodes instead");
  const settings = { ...common({ ...own, natMap: options.natMap }) };
  if (typeof options.dnsLookup === "function" && options.dnsLookup !== lookup && settings.tls === undefined)
    refuse("has a dnsLookup of its own: give clusterNodes instead");
  const parts = nodes.map((node) => (typeof node === "string" ? partsOf(node) : node));
  const [first] = parts as ConnectionSettings[];
  // If the options have no user name and password, ioredis takes them from the first address.
  const { username = first?.username, password = first?.password } = settings;
  if (username !== undefined) settings.username = username;
  if (password !== undefined) settings.password = password;
  if (parts.some((node) => (node as ConnectionSettings | null)?.tls)) settings.tls ??= true;
  settings.clusterNodes = parts.map((node) => nodeOf(node, 6_379));
  return settings;
}

function partsOf(address: string): ConnectionSettings {
  return parseRedisUrl(/^[a-z]+:\/\//i.test(address) ? address : `redis://${address}`);
}

function common(options: Options): ConnectionSettings {
  const settings: ConnectionSettings = {};
  if (options.username) settings.username = String(options.username);
  if (options.password) settings.password = String(options.password);
  if (options.family === 4 || options.family === 6) settings.family = options.family;
  if (options.tls) settings.tls = options.tls as NonNullable<ConnectionSettings["tls"]>;
  if (typeof options.natMap === "function") refuse("has a natMap that is a function: give an object");
  if (options.natMap) settings.natMap = options.natMap as Record<string, RedisNode>;
  return settings;
}

function nodeOf(node: unknown, defaultPort: number): RedisNode {
  if (typeof node === "number") return { host: "127.0.0.1", port: node };
  const { host, port } = (node ?? {}) as { host?: unknown; port?: unknown };
  return { host: String(host ?? "127.0.0.1"), port: Number(port ?? defaultPort) };
}
