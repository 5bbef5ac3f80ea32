import { createHash, randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { type ApiKeyRecord, newKeyText, recordOf } from "./api-key.ts";
import { newAuthority, newServerCertificate, type Pair, stillServes } from "./certificates.ts";
import { openFolder, type SecretFolder } from "./folder.ts";
import { redisRoles, redisUsers } from "./redis-users.ts";

export interface SecretsOptions {
  folder: string;
  prefix: string;
  /** The version of the Redis that reads the ACL file, such as `8.2`. */
  redisVersion: string;
  redisPort: number;
  /** Whether to make certificates too, and a Redis configuration that accepts only TLS. */
  tls: boolean;
  /**
   * Whether each program that reads secrets has a group of its own, as in Compose. If not, the user who runs this
   * program reads all files.
   */
  groups: boolean;
}

/**
 * The group and the Redis user of each container that reads secrets. Each container mounts the whole volume, but its
 * user can only read the folder of its group. docker-compose.yml has the same group numbers.
 */
export const READERS = {
  redis: { group: 999, redisUser: "health" },
  "producer-api": { group: 1001, redisUser: "producer" },
  observability: { group: 1002, redisUser: "observer" },
  worker: { group: 1000, redisUser: "worker" },
  "worker-api": { group: 1005, redisUser: "worker-api" },
  janitor: { group: 1003, redisUser: "janitor" },
  dispatcher: { group: 1004, redisUser: "dispatcher" },
  grafana: { group: 472, redisUser: null },
  k6: { group: 12345, redisUser: null },
} as const;
type Reader = keyof typeof READERS;

/** The host names of Redis: its service name in Compose, the further nodes of a Cluster in Compose, and loopback. */
const REDIS_NAMES = ["redis", "redis-2", "redis-3", "localhost", "127.0.0.1", "::1"];

/** The API keys to make. The key for k6 has only the scopes that a load test needs. */
const KEYS: Record<string, Pick<ApiKeyRecord, "label" | "scopes">> = {
  "api-key": { label: "admin", scopes: ["admin"] },
  "k6-key": { label: "k6", scopes: ["enqueue", "read"] },
};

/** The secrets that can be rotated, with the function that makes the files of each. */
const ROTATED: Record<string, () => string[]> = {
  "api-key": () => ["api-key"],
  "k6-key": () => ["k6-key"],
  redis: () => ["admin", "health", ...redisRoles()].map((user) => `redis-${user}`),
  session: () => ["session-secret"],
  grafana: () => ["grafana-password"],
  tls: () => ["ca.crt", "ca.key", "redis.crt", "redis.key"],
};

export interface Secrets {
  /**
   * Makes the missing secrets, and writes the files of each reader. Returns the names of the secrets that were made.
   */
  create(): Promise<string[]>;
  /** Deletes a secret and makes a new one. @throws RangeError if the name is unknown */
  rotate(name: string): Promise<string[]>;
  /** @throws RangeError if there is no such secret */
  show(name: string): string;
  /** Like `show`, but only the first call for a name returns the secret. Later calls return null. */
  showOnce(name: string): string | null;
  names(): string[];
}

const random = () => randomBytes(32).toString("base64url");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
/** Returns the file that stores the secret itself, which only the user who runs this program can read. */
const own = (name: string) => join("own", name);

export function openSecrets(options: SecretsOptions): Secrets {
  const folder = openFolder(resolve(options.folder));
  const names = () => [
    ...Object.keys(KEYS),
    "grafana-password",
    "session-secret",
    ...["admin", ...redisRoles()].map((user) => `redis-${user}`),
    ...(options.tls ? ["ca.crt"] : []),
  ];
  const show = (name: string): string => {
    const text = names().includes(name) ? folder.read(own(name)) : null;
    if (text === null) throw new RangeError(`there is no "${name}"; there are ${names().join(", ")}`);
    return text;
  };
  return {
    names,
    show,
    showOnce(name) {
      const text = show(name);
      if (folder.read(own(`${name}.shown`)) === sha256(text)) return null;
      folder.write(own(`${name}.shown`), sha256(text), null);
      return text;
    },
    create: () => create(folder, options),
    async rotate(name) {
      const files = ROTATED[name];
      if (files === undefined)
        throw new RangeError(`"${name}" cannot be rotated; these can: ${Object.keys(ROTATED).join(", ")}`);
      if (name in KEYS) forgetKey(folder, name);
      for (const file of files()) folder.remove(own(file));
      return create(folder, options);
    },
  };
}

async function create(folder: SecretFolder, options: SecretsOptions): Promise<string[]> {
  const made: string[] = [];
  const keep = (name: string, make: () => string): string => {
    const there = folder.read(own(name));
    if (there !== null) return there;
    const text = make();
    folder.write(own(name), text, null);
    made.push(name);
    return text;
  };

  for (const name of Object.keys(KEYS)) addKey(folder, name, keep(name, newKeyText));
  const keys = writeKeys(folder, keysOf(folder));
  const session = keep("session-secret", random);
  const grafana = keep("grafana-password", random);
  const passwordOf = (user: string) => keep(`redis-${user}`, random);
  const users = redisUsers({
    prefix: options.prefix,
    redisVersion: options.redisVersion,
    passwordOf,
    // The user of the health check may only send PING.
    also: `user health reset on +ping #${sha256(passwordOf("health"))}`,
  });

  const hand = (reader: Reader, name: string, text: string) =>
    folder.write(join(reader, name), text, options.groups ? READERS[reader].group : null);
  hand("redis", "users.acl", users);
  hand("redis", "access.conf", redisAccess(folder.path, options));
  for (const reader of Object.keys(READERS) as Reader[]) {
    const { redisUser } = READERS[reader];
    if (redisUser !== null) hand(reader, "redis-password", passwordOf(redisUser));
  }
  for (const reader of ["producer-api", "worker-api", "observability"] as const)
    hand(reader, "api-keys.json", keys);
  hand("observability", "session-secret", session);
  hand("grafana", "admin-password", grafana);
  hand("k6", "api-key", keep("k6-key", newKeyText));
  if (options.tls) {
    const { authority, server } = await certificates(folder, made);
    for (const reader of Object.keys(READERS) as Reader[]) {
      if (READERS[reader].redisUser !== null) hand(reader, "ca.crt", authority.certificate);
    }
    hand("redis", "redis.crt", server.certificate);
    hand("redis", "redis.key", server.key);
  }
  return made;
}

const keysOf = (folder: SecretFolder): ApiKeyRecord[] =>
  (JSON.parse(folder.read(own("api-keys.json")) ?? '{ "keys": [] }') as { keys: ApiKeyRecord[] }).keys;

const writeKeys = (folder: SecretFolder, keys: ApiKeyRecord[]): string => {
  const text = JSON.stringify({ keys }, null, 2);
  folder.write(own("api-keys.json"), text, null);
  return text;
};

/** Adds the key at the beginning of the file, which makes it the newest. Keys that somebody else added stay. */
function addKey(folder: SecretFolder, name: string, text: string): void {
  const keys = keysOf(folder);
  const spec = KEYS[name];
  if (spec === undefined || keys.some((there) => there.sha256 === sha256(text))) return;
  writeKeys(folder, [recordOf(text, spec, Date.now()), ...keys]);
}

function forgetKey(folder: SecretFolder, name: string): void {
  const text = folder.read(own(name));
  if (text === null) return;
  const rest = keysOf(folder).filter((there) => there.sha256 !== sha256(text));
  writeKeys(folder, rest);
}

/** Settings of Redis in addition to infra/redis/redis.conf: who may log in, and whether over TLS. */
function redisAccess(folder: string, { redisPort, tls }: SecretsOptions): string {
  const file = (name: string) => `"${join(folder, "redis", name)}"`;
  const lines = [`aclfile ${file("users.acl")}`];
  if (!tls) return [...lines, `port ${redisPort}`].join("\n");
  return [
    ...lines,
    "port 0",
    `tls-port ${redisPort}`,
    `tls-cert-file ${file("redis.crt")}`,
    `tls-key-file ${file("redis.key")}`,
    `tls-ca-cert-file ${file("ca.crt")}`,
    // Clients log in with a password. Only the nodes of a Cluster check each other's certificates.
    "tls-auth-clients no",
    "tls-replication yes",
    "tls-cluster yes",
  ].join("\n");
}

async function certificates(
  folder: SecretFolder,
  made: string[],
): Promise<{ authority: Pair; server: Pair }> {
  const read = (name: string): Pair | null => {
    const certificate = folder.read(own(`${name}.crt`));
    const key = folder.read(own(`${name}.key`));
    return certificate === null || key === null ? null : { certificate, key };
  };
  const keep = (name: string, pair: Pair): Pair => {
    // The key is written before the certificate. After a crash between the two writes the certificate is missing, so
    // both are made again.
    folder.write(own(`${name}.key`), pair.key, null);
    folder.write(own(`${name}.crt`), pair.certificate, null);
    made.push(name === "ca" ? "certificate authority" : `certificate of ${name}`);
    return pair;
  };
  let authority = read("ca");
  let server = authority === null ? null : read("redis");
  authority ??= keep("ca", await newAuthority("Holdfast Redis CA"));
  if (server === null || !stillServes(server.certificate, REDIS_NAMES))
    server = keep("redis", await newServerCertificate(authority, REDIS_NAMES));
  return { authority, server };
}
