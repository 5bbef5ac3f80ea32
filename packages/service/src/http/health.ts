import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StartupError } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import type { ServiceMetrics } from "../metrics.ts";
import { isPortInUse, portInUseMessage } from "../ports.ts";
import { Connections, hangUp } from "./connections.ts";
import { isAllowedHost } from "./hosts.ts";
import { PROBLEM_MEDIA_TYPE, type ProblemCode, problem } from "./problem.ts";

export interface Readiness {
  ok: boolean;
  detail: string;
}

export type ReadinessCheck = () => Promise<Readiness>;

/** The first port for metrics. The instance number is added to it. */
export const METRICS_BASE_PORT = 9_464;
const PORTS_TRIED = 32;

export interface HealthServerOptions {
  host: string;
  allowedHosts: string[];
  /** The value of METRICS_PORT. If it is undefined, the server uses the first free port from 9464 + instance. */
  port: number | undefined;
  /** The value of NODE_APP_INSTANCE. */
  instance: number;
  metrics: ServiceMetrics;
  logger: Logger;
  ready: ReadinessCheck;
  /** Checks for faults that only a restart can repair. With such a fault, `/livez` answers 503. @default no faults */
  live?: () => Readiness;
}

export interface HealthServer {
  port: number;
  close(): Promise<void>;
}

/** Serves `/metrics`, `/livez` and `/readyz` for a service without an API. */
export async function createHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const limits = { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 1_000 };
  const server = createServer(limits, (request, response) => {
    response.once("finish", () => {
      if (!request.complete) hangUp(request);
    });
    respond(options, request, response, connections).catch((error: unknown) => {
      options.logger.error({ err: error }, "health request failed");
      response.destroy();
    });
  });
  server.maxConnections = 256;
  // The limit stops a stranger who reaches the port from using up the connections of the probes and of Prometheus.
  const connections = new Connections(server, { perAddress: 64, logger: options.logger });
  const first = (options.port ?? METRICS_BASE_PORT) + options.instance;
  const port = await listenFrom(server, options, first);
  options.logger.info({ port, host: options.host }, "metrics and health are served");
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers a check that throws or hangs as failed, so that the probe does not hang. */
export async function safely(check: ReadinessCheck, timeoutMs = 2_000): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Readiness>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer within ${timeoutMs} ms` }), timeoutMs);
  });
  try {
    return await Promise.race([check(), timeout]);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}

async function listenFrom(server: Server, options: HealthServerOptions, first: number): Promise<number> {
  const last = options.port === undefined ? first + PORTS_TRIED : first;
  for (let port = first; ; port++) {
    try {
      return await listenOn(server, options.host, port);
    } catch (error) {
      if (!isPortInUse(error)) throw error;
      if (port >= last)
        throw new StartupError(await portInUseMessage(port, "METRICS_PORT"), { cause: error });
      options.logger.info({ port, next: port + 1 }, "metrics port is in use, trying the next");
    }
  }
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.removeListener("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function respond(
  options: HealthServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  connections: Connections,
): Promise<void> {
  const send = (status: number, type: string, body: string) => {
    response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" }).end(body);
  };
  const refuse = (code: ProblemCode, status: number, detail: string) =>
    send(status, PROBLEM_MEDIA_TYPE, JSON.stringify(problem(code, status, detail, "")));
  if (connections.closing.has(request.socket)) {
    response.setHeader("connection", "close").setHeader("retry-after", "1");
    return refuse("rate_limited", 429, "too many connections from this address");
  }
  if (!isAllowedHost(request.headers.host, options.host, options.allowedHosts)) {
    return refuse("forbidden", 403, "this Host is not served: add the name to ALLOWED_HOSTS");
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse("method_not_allowed", 405, "only GET");
  }
  switch (request.url?.split("?", 1)[0]) {
    case "/livez": {
      const liveness = options.live?.() ?? { ok: true };
      return send(liveness.ok ? 200 : 503, "application/json", JSON.stringify(liveness));
    }
    case "/readyz": {
      const readiness = await safely(options.ready);
      return send(readiness.ok ? 200 : 503, "application/json", JSON.stringify(readiness));
    }
    case "/metrics": {
      // This readiness check also updates the metric `redis_up`, so that the answer shows its current value.
      await safely(options.ready);
      const { contentType, text } = await options.metrics.read(request.headers.accept);
      return send(200, contentType, text);
    }
    default:
      return refuse("not_found", 404, "this port serves /metrics, /livez and /readyz");
  }
}
