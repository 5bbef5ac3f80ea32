import type { ConnectionOptions as TlsOptions } from "node:tls";

/** One server of a Sentinel group or a Cluster. */
export interface RedisNode {
  host: string;
  port: number;
}

/** How a connection is encrypted, and which certificates it trusts. */
export interface TlsSettings {
  /**
   * `true`, or options of Node's `tls.connect`. Only plain values and no functions, because the heartbeat thread gets
   * them too. `rediss://` and each of the fields below imply `true`. @default false
   */
  tls?: boolean | TlsOptions | undefined;
  /**
   * File with the certificates (PEM) of the authorities that signed the certificate of Redis. @default the authorities
   * that Node trusts
   */
  tlsCaFile?: string | undefined;
  /** The name for which the certificate of Redis has to be valid. @default the host to which the connection is made */
  tlsServerName?: string | undefined;
  /** File with a certificate (PEM) of this client, if Redis asks for one (`tls-auth-clients`). Needs `tlsKeyFile`. */
  tlsCertFile?: string | undefined;
  tlsKeyFile?: string | undefined;
}

/**
 * Where Redis is: one server, a unix socket, a Sentinel group, or a Cluster. Settings that contradict each other are
 * refused.
 */
export interface ConnectionSettings extends TlsSettings {
  /**
   * `redis://user:password@host:6379/0`, `rediss://` with TLS, or `unix:///path/to/redis.sock?db=0`. Other fields may
   * add what the URL leaves out.
   */
  url?: string | URL | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  /** @default 6379 */
  port?: number | undefined;
  /** A unix socket, instead of host and port. */
  path?: string | undefined;
  /** 4 or 6: resolves the host only to an IPv4 or an IPv6 address. @default either */
  family?: number | undefined;
  /** The user of Redis. @default the default user */
  username?: string | undefined;
  /** The password of the user. @default none */
  password?: string | undefined;
  /** Number of the database. A Cluster has only 0. @default 0 */
  db?: number | undefined;
  /** With TLS, the connections to the Sentinels use TLS too. */
  sentinels?: RedisNode[] | undefined;
  /** The name of the master that the Sentinels watch. @default "mymaster" */
  sentinelName?: string | undefined;
  /** The user of the Sentinels. @default the default user */
  sentinelUsername?: string | undefined;
  /** The password for the Sentinels. @default none */
  sentinelPassword?: string | undefined;
  /** Some nodes of the Cluster to start from. */
  clusterNodes?: RedisNode[] | undefined;
  /** How to reach the addresses that Sentinels or Cluster nodes announce: `{ "10.0.0.5:6379": { host, port } }`. */
  natMap?: Record<string, RedisNode> | undefined;
  /**
   * How long to wait for one reply before the call is repeated or given up. Milliseconds, 1 to 3_600_000. @default
   * 5_000
   */
  commandTimeoutMs?: number | undefined;
}
