import { type Static, Type } from "typebox";
import { parsePointers } from "../json/mask.ts";
import { blockListOf } from "./addresses.ts";

/** Settings that say where a service listens. They are part of the schema of every service that listens. */
const listenConfig = {
  HOST: Type.String({
    default: "127.0.0.1",
    description: "Address to listen on. An API beyond loopback needs keys.",
  }),
  ALLOWED_HOSTS: Type.Optional(
    Type.String({
      description: "Further names to accept in the Host header, separated by commas; `*` accepts every name.",
    }),
  ),
};

const connectionConfig = {
  REQUEST_TIMEOUT_MS: Type.Integer({
    default: 30_000,
    minimum: 1_000,
    maximum: 600_000,
    description:
      "How long a request may take to arrive, ms; after that it is answered 408 and its connection is closed.",
  }),
  STREAM_TIMEOUT_MS: Type.Integer({
    default: 600_000,
    minimum: 1_000,
    maximum: 86_400_000,
    description:
      "How long an NDJSON body of an authenticated caller may take to arrive, ms. A silent connection is closed after 75 s.",
  }),
  CONNECTIONS_PER_ADDRESS: Type.Integer({
    default: 1_024,
    minimum: 0,
    maximum: 4_096,
    description:
      "The most open connections per address; 4,096 in all. Further ones are answered 429. Connections from `TRUSTED_PROXIES` are not counted. 0: no limit per address.",
  }),
};

/** Settings that say who may use a service with an API. */
export const httpConfig = {
  ...listenConfig,
  ...connectionConfig,
  API_KEYS_FILE: Type.Optional(
    Type.String({
      description:
        'File of API keys, made by "holdfast key create --file"; they are valid in addition to those in Redis.',
    }),
  ),
  ALLOW_UNAUTHENTICATED: Type.Boolean({
    default: false,
    description: "Lets everybody who reaches the port use it as an admin, without a key.",
  }),
  RATE_LIMIT_PER_SECOND: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 1_000_000,
    description: "Requests per second for each key, or for each address without a key; 0: no limit.",
  }),
  RATE_LIMIT_BURST: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_000_000,
    description: "Requests that may come at once after a pause; 0: as many as RATE_LIMIT_PER_SECOND.",
  }),
  MASKED_POINTERS: Type.Optional(
    Type.String({
      description:
        "JSON pointers into payloads and results, separated by commas, `*` for any name: `/card/*`. Viewers see `***` there.",
    }),
  ),
  CONFLICTS_PER_MINUTE: Type.Integer({
    default: 60,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "How many tasks per minute a key that may not see every payload may send with an id that is already stored with another body. After that, its tasks with an id are answered 429. 0: no limit.",
  }),
  QUEUES_PER_KEY: Type.Integer({
    default: 1_000,
    minimum: 0,
    maximum: 1_000_000,
    description:
      "The most queues that one key, or one address without a key, may create; deleted queues no longer count. A request that would create another one is answered 429. Queues that exist can always be used. 0: no cap, and nothing is counted.",
  }),
  BASE_PATH: Type.Optional(
    Type.String({
      pattern: "^(/[A-Za-z0-9._~-]+)+$",
      description:
        "Prefix that a reverse proxy leaves in front of the paths of this service, such as `/queues`. Not needed if the proxy removes it.",
    }),
  ),
  TRUSTED_PROXIES: Type.Optional(
    Type.String({
      pattern: "^[0-9A-Fa-f.:/]+( *, *[0-9A-Fa-f.:/]+)*$",
      description:
        "Addresses and networks of reverse proxies whose `X-Forwarded-*` and user header are believed, separated by commas.",
    }),
  ),
};

/** Returns the limits of connections and conflicts, in the form that the server expects. */
export function serverLimits(
  config: Pick<HttpConfig, keyof typeof connectionConfig | "CONFLICTS_PER_MINUTE">,
) {
  return {
    requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
    streamTimeoutMs: config.STREAM_TIMEOUT_MS,
    connectionsPerAddress: config.CONNECTIONS_PER_ADDRESS,
    conflictsPerMinute: config.CONFLICTS_PER_MINUTE,
  };
}

const httpObject = Type.Object(httpConfig);
export type HttpConfig = Static<typeof httpObject>;

/** Settings of the health server of worker and janitor, which only shows counts and so needs no key. */
export const metricsConfig = {
  ...listenConfig,
  METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_000,
      description:
        "Port of `/metrics`, `/livez`, `/readyz`; the instance number of PM2 is added. Not set: the first free port from 9464 on.",
    }),
  ),
  NODE_APP_INSTANCE: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 500,
    description: "Instance number, set by PM2.",
  }),
};

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Splits a list at its commas. */
export function parseList(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

export function parseAllowedHosts(text: string | undefined): string[] {
  return parseList(text).map((name) => name.toLowerCase());
}

const MIN_SECRET = 32;

/** Returns the problems of trust settings that become visible only when several variables are read together. */
export function trustProblems(config: Record<string, unknown>): string[] {
  const problems: string[] = [];
  const proxies = typeof config.TRUSTED_PROXIES === "string" ? parseList(config.TRUSTED_PROXIES) : [];
  try {
    blockListOf(proxies);
  } catch (error) {
    problems.push(`TRUSTED_PROXIES: ${(error as Error).message}`);
  }
  try {
    parsePointers(parseList(config.MASKED_POINTERS as string | undefined));
  } catch (error) {
    problems.push(`MASKED_POINTERS: ${(error as Error).message}`);
  }
  if (config.PROXY_USER_HEADER !== undefined && proxies.length === 0) {
    problems.push("PROXY_USER_HEADER needs TRUSTED_PROXIES: anybody could send that header");
  }
  if (config.PROXY_ROLE_HEADER !== undefined && config.PROXY_USER_HEADER === undefined) {
    problems.push("PROXY_ROLE_HEADER needs PROXY_USER_HEADER");
  }
  if (typeof config.SESSION_SECRET === "string") {
    const secrets = parseList(config.SESSION_SECRET);
    if (secrets.length === 0 || secrets.some((secret) => secret.length < MIN_SECRET)) {
      problems.push(`SESSION_SECRET must have at least ${MIN_SECRET} characters: openssl rand -base64 32`);
    }
  }
  return problems;
}
