import type { ConnectionOptions as TlsOptions } from "node:tls";

/** One server of a Sentinel group or a Cluster. */
export interface RedisNode {
  host: string;
  port: number;
}

/** Whether and how a connection is encrypted. */
export interface TlsSettings {
  /**
   * `true`, or options of Node's `tls.connect`. Functions are not allowed, because the options are copied to the
   * heartbeat thread. `rediss://` and each of the fields below imply `true`. @default false
   */
  tls?: boolean | TlsOptions | undefined;
  /** A file with the authorities (PEM) of the certificate of Redis. @default the authorities that Node trusts */
  tlsCaFile?: string | undefined;
  /** The name for which the certificate of Redis has to be valid. @default the host of the connection */
  tlsServerName?: string | undefined;
  /** A file with the certificate (PEM) of this client, for a Redis that asks for one. Needs `tlsKeyFile`. */
  tlsCertFile?: string | undefined;
  tlsKeyFile?: string | undefined;
}

/** Where Redis is: one server, a unix socket, Sentinels or a Cluster. Contradictory settings are refused. */
export interface ConnectionSettings extends TlsSettings {
  /**
   * `redis://user:password@host:6379/0`, `rediss://` with TLS, or `unix:///path/to/redis.sock?db=0`. Other fields may
   * add what the URL does not say.
   */
  url?: string | URL | undefined;
  /** The host of Redis. @default "127.0.0.1" */
  host?: string | undefined;
  /** The port of Redis. @default 6379 */
  port?: number | undefined;
  /** A unix socket, in place of host and port. */
  path?: string | undefined;
  /** 4 or 6: use only IPv4 or only IPv6 addresses of the host. @default either */
  family?: number | undefined;
  /** The Redis user. @default the default user */
  username?: string | undefined;
  /** The password of the Redis user. @default none */
  password?: string | undefined;
  /** The number of the database. A Cluster has only 0. @default 0 */
  db?: number | undefined;
  /** The Sentinels. With TLS, connections to them use TLS too. */
  sentinels?: RedisNode[] | undefined;
  /** The name of the master, as the Sentinels know it. @default "mymaster" */
  sentinelName?: string | undefined;
  /** The user of the Sentinels. @default the default user */
  sentinelUsername?: string | undefined;
  /** The password of the Sentinel user. @default none */
  sentinelPassword?: string | undefined;
  /** Some nodes of the Cluster, from which the others are found. */
  clusterNodes?: RedisNode[] | undefined;
  /** Replaces addresses that Sentinels or Cluster nodes announce: `{ "10.0.0.5:6379": { host, port } }`. */
  natMap?: Record<string, RedisNode> | undefined;
  /** How long to wait for a reply before a call is repeated or fails. Milliseconds, 1 to 3_600_000. @default 5_000 */
  commandTimeoutMs?: number | undefined;
}
