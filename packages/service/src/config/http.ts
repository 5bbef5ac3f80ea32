import { type Static, Type } from "typebox";

/** Where a service listens. Spread into the schema of every service that listens. */
const listenConfig = {
  HOST: Type.String({
    default: "127.0.0.1",
    description: "Address to listen on. Beyond loopback an API needs keys.",
  }),
  ALLOWED_HOSTS: Type.Optional(
    Type.String({
      description: "More names that the Host header may carry, separated by commas; `*` allows every name.",
    }),
  ),
};

/** Of a service with an API: whom it lets in. */
export const httpConfig = {
  ...listenConfig,
  API_KEYS_FILE: Type.Optional(
    Type.String({
      description: 'File of API keys, made by "holdfast key create --file"; they hold beside those in Redis.',
    }),
  ),
  ALLOW_UNAUTHENTICATED: Type.Boolean({
    default: false,
    description: "Accept that whoever reaches the port can use it, as an admin, without a key.",
  }),
};

const httpObject = Type.Object(httpConfig);
export type HttpConfig = Static<typeof httpObject>;

/** For the small health server of worker and janitor: counts only, for which nobody needs a key. */
export const metricsConfig = {
  ...listenConfig,
  METRICS_PORT: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_000,
      description:
        "Port of `/metrics`, `/livez`, `/readyz`; the instance number of PM2 is added. Not set: 9464 and up, the first that is free.",
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

export function parseAllowedHosts(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
}
