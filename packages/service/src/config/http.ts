import { type Static, Type } from "typebox";

/** Where a service listens and whom it trusts. Spread into the schema of every service that listens. */
export const httpConfig = {
  HOST: Type.String({
    default: "127.0.0.1",
    description: "Address to listen on. Beyond loopback needs ALLOW_UNAUTHENTICATED=1.",
  }),
  ALLOW_UNAUTHENTICATED: Type.Boolean({
    default: false,
    description: "Accept that whoever reaches the port can use it.",
  }),
  ALLOWED_HOSTS: Type.Optional(
    Type.String({
      description: "More names that the Host header may carry, separated by commas; `*` allows every name.",
    }),
  ),
};

const httpObject = Type.Object(httpConfig);
export type HttpConfig = Static<typeof httpObject>;

/** For the small health server of worker and janitor. */
export const metricsConfig = {
  ...httpConfig,
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

/** A keyless service that the network can reach is an open door: only on request by name. */
export function exposureProblems(config: Record<string, unknown>): string[] {
  if (typeof config.HOST !== "string" || isLoopback(config.HOST) || config.ALLOW_UNAUTHENTICATED === true) {
    return [];
  }
  return [
    `HOST=${config.HOST} listens beyond loopback and there are no keys: set HOST=127.0.0.1, or ALLOW_UNAUTHENTICATED=1 to accept that whoever reaches the port can use it`,
  ];
}
