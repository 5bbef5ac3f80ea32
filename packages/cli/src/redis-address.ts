import { readFileSync } from "node:fs";
import { isKeyPrefix } from "@holdfast/contracts";
import { type ConnectionSettings, describeRedis } from "holdfast";
import { UsageError } from "./exit.ts";

export type Environment = Record<string, string | undefined>;

/**
 * Reads the address of Redis from the variables that the services also use: REDIS_URL, REDIS_HOST and so on, or those
 * for Sentinel or Cluster. `--redis` overrides all of them.
 * @param option the name of the option whose value is `given`
 * @throws UsageError
 */
export function redisSettings(
  env: Environment,
  given: string | undefined,
  option = "--redis",
): ConnectionSettings {
  const tls = tlsFiles(env);
  // TLS files in the environment would make this connection use TLS. So they are ignored if --redis names an address
  // without TLS.
  if (given !== undefined)
    return { url: checkUrl(given, option), ...(given.startsWith("rediss:") ? tls : {}) };
  const settings: ConnectionSettings = tls;
  const username = variable(env, "REDIS_USERNAME");
  const password = variable(env, "REDIS_PASSWORD");
  if (username !== undefined) settings.username = username;
  if (password !== undefined) settings.password = password;
  if (isOn(env, "REDIS_TLS")) settings.tls = true;
  const url = variable(env, "REDIS_URL");
  const { REDIS_SENTINELS: sentinels, REDIS_SENTINEL_NAME: name, REDIS_CLUSTER_NODES: nodes } = env;
  if (Boolean(sentinels) !== Boolean(name))
    throw new UsageError("REDIS_SENTINELS and REDIS_SENTINEL_NAME belong together: set both or none");
  if (sentinels && nodes)
    throw new UsageError("REDIS_SENTINELS and REDIS_CLUSTER_NODES cannot be combined: keep one of them");
  if (sentinels && name) return { ...settings, sentinels: parseNodes(sentinels, 26_379), sentinelName: name };
  if (nodes) return { ...settings, clusterNodes: parseNodes(nodes, 6_379) };
  if (url !== undefined) {
    checkUrl(url, "REDIS_URL");
    // A URL with a password also names the user. Otherwise REDIS_USERNAME and REDIS_PASSWORD are used.
    const { username: _, password: __, ...others } = settings;
    const hasPassword = URL.canParse(url) && new URL(url).password !== "";
    return { ...(hasPassword ? others : settings), url };
  }
  const port = Number(env.REDIS_PORT || 6_379);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new UsageError(`REDIS_PORT has to be a port, got "${env.REDIS_PORT}"`);
  return { ...settings, host: env.REDIS_HOST || "127.0.0.1", port };
}

/** Returns the prefix of all Redis keys. @throws UsageError */
export function keyPrefix(env: Environment, given: string | undefined): string {
  const prefix = given ?? (env.QUEUE_PREFIX || "queue");
  if (!isKeyPrefix(prefix))
    throw new UsageError(
      `"${prefix}" is not a valid prefix of keys: 1 to 64 of A-Z a-z 0-9 _ . : -, the first a letter or digit`,
    );
  return prefix;
}

function tlsFiles(env: Environment): ConnectionSettings {
  const settings: ConnectionSettings = {};
  if (env.REDIS_TLS_CA_FILE) settings.tlsCaFile = env.REDIS_TLS_CA_FILE;
  if (env.REDIS_TLS_SERVER_NAME) settings.tlsServerName = env.REDIS_TLS_SERVER_NAME;
  const { REDIS_TLS_CERT_FILE: certificate, REDIS_TLS_KEY_FILE: key } = env;
  if (Boolean(certificate) !== Boolean(key))
    throw new UsageError("REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE belong together: set both or none");
  if (certificate && key) Object.assign(settings, { tlsCertFile: certificate, tlsKeyFile: key });
  return settings;
}

/** Returns the value of a variable, which may also be in a file that `<name>_FILE` names. */
export function variable(env: Environment, name: string): string | undefined {
  const path = env[`${name}_FILE`];
  if (!path) return env[name] || undefined;
  if (env[name]) throw new UsageError(`${name} and ${name}_FILE are both set: keep one of them`);
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "") || undefined;
  } catch (error) {
    throw new UsageError(`${name}_FILE: cannot read "${path}": ${(error as Error).message}`);
  }
}

function isOn(env: Environment, name: string): boolean {
  const text = env[name] || "0";
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  throw new UsageError(`${name} has to be 1 or 0, got "${text}"`);
}

function checkUrl(url: string, where: string): string {
  try {
    describeRedis(url);
    return url;
  } catch (error) {
    throw new UsageError(`${where}: ${(error as Error).message}`);
  }
}

function parseNodes(text: string, defaultPort: number): { host: string; port: number }[] {
  return text.split(",").map((entry) => {
    const match = /^([^\s,:]+)(?::(\d{1,5}))?$/.exec(entry);
    if (!match) throw new UsageError(`"${entry}" is not a valid node: write host:port, separated by commas`);
    return { host: match[1] as string, port: Number(match[2] ?? defaultPort) };
  });
}
