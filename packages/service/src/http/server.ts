import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import { includesScope } from "@holdfast/contracts";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import { parseJson } from "@holdfast/contracts/json";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Identify } from "../identity/access.ts";
import type { Limiter } from "../identity/rate-limit.ts";
import { recheck, scopeRoutes } from "../identity/scopes.ts";
import { createMasker, parsePointers } from "../json/mask.ts";
import { StartupError } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import type { ServiceMetrics } from "../metrics.ts";
import { isPortInUse, portInUseMessage } from "../ports.ts";
import { Conflicts } from "../tasks/conflicts.ts";
import { registerAdmission } from "./admission.ts";
import { answerRaw, Connections } from "./connections.ts";
import { notTaken, registerErrors, sendProblem } from "./errors.ts";
import { type ReadinessCheck, safely } from "./health.ts";
import { hostCheck } from "./hosts.ts";
import { cutPathInFront } from "./path-in-front.ts";
import { clientRequestId, problem } from "./problem.ts";
import type { HttpServer, Watch } from "./types.ts";
import { closeQueries, typeboxValidator } from "./validation.ts";

/** A cookie that authenticates requests. */
export interface SecurityScheme {
  type: "apiKey";
  in: "cookie";
  name: string;
  description: string;
}

export interface HttpServerOptions {
  title: string;
  description: string;
  version: string;
  logger: Logger;
  metrics: ServiceMetrics;
  /** The address on which the server will listen. It decides how strict the Host check is. */
  host: string;
  allowedHosts: string[];
  ready: ReadinessCheck;
  /** By default everybody is anonymous and may do everything. */
  identify?: Identify | undefined;
  /** Ways to authenticate besides an API key, for the API description. */
  securitySchemes?: Record<string, SecurityScheme> | undefined;
  /** Calls the listener whenever keys have changed. Then open streams of senders who lost access are ended. */
  onKeysChange?: ((listener: () => void) => unknown) | undefined;
  /** @default no limit */
  limiter?: Limiter | undefined;
  /** Addresses and networks of proxies whose X-Forwarded-For is trusted. */
  trustedProxies?: string[] | undefined;
  /** How many conflicts per minute a key that may not see every payload may cause; 0: no limit. @default 0 */
  conflictsPerMinute?: number | undefined;
  /** The prefix that a reverse proxy leaves in front of every path, such as `/queues`. */
  basePath?: string | undefined;
  /** JSON pointers to the values in payloads and results that are hidden from viewers. */
  maskedPointers?: string[] | undefined;
  /** Bytes. @default 1_048_576 */
  bodyLimitBytes?: number;
  /** How long a request may take to arrive, ms; its headers have to arrive within 30 s. @default 30_000 */
  requestTimeoutMs?: number;
  /** How long an NDJSON body of an authenticated caller may take to arrive, ms. @default 600_000 */
  streamTimeoutMs?: number;
  /** The most open connections in all. @default 4_096 */
  maxConnections?: number;
  /** The most open connections per address, except trusted proxies; 0: no limit. @default 0 */
  connectionsPerAddress?: number;
  /** Content-Security-Policy directives that differ from the default. */
  contentSecurityPolicy?: Record<string, string[]>;
}

/**
 * Creates a Fastify server with everything that the HTTP services share. The caller adds routes before `listen`. Every
 * error is sent as `application/problem+json`.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { metrics } = options;
  const app: HttpServer = Fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    // Fastify would log two lines per request. That costs more than the request itself. The error handler logs errors.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    // Fastify sets none of these by default. The 75 s leave room for a long poll of 30 s.
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    // By default Node checks only every 30 s, so an endless request could live twice as long as allowed.
    http: {
      headersTimeout: Math.min(30_000, options.requestTimeoutMs ?? 30_000),
      connectionsCheckingInterval: 1_000,
    },
    connectionTimeout: 75_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    rewriteUrl: (request) => decodable(request.url ?? "/"),
    requestIdHeader: false,
    trustProxy: options.trustedProxies?.length ? options.trustedProxies : false,
    // The id is always random. A caller who could choose it could use the id of another request.
    genReqId: () => randomUUID(),
    childLoggerFactory: (logger, bindings, options, raw) => {
      const given = clientRequestId(raw.headers);
      return logger.child(given === null ? bindings : { ...bindings, clientRequestId: given }, options);
    },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    clientErrorHandler: (error, socket) => answerClientError(connections, error, socket as Socket),
    frameworkErrors: (error, request, reply) => {
      // The hooks that set the headers of other answers do not run for these errors.
      reply.headers({ ...headers, "x-request-id": request.id });
      sendProblem(reply as FastifyReply, problem("invalid_request", 400, error.message, request.id));
    },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.server.maxConnections = options.maxConnections ?? 4_096;
  const connections = new Connections(app.server, {
    perAddress: options.connectionsPerAddress ?? 0,
    trustedProxies: options.trustedProxies,
    logger: options.logger,
  });
  if (options.basePath !== undefined) serveBelow(app, options.basePath);
  app.setValidatorCompiler(typeboxValidator);
  // Response schemas are only documentation. A serialiser made from them would silently drop fields.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  registerParsers(app);
  const notFound = registerErrors(app);

  const headers = await securityHeaders(options.contentSecurityPolicy);
  const isHostAllowed = hostCheck(options.host, options.allowedHosts);
  const masker = options.maskedPointers?.length
    ? createMasker(parsePointers(options.maskedPointers))
    : undefined;
  const maskFor = ({ role }: Identity) => (role === "viewer" ? masker : undefined);
  const identify = options.identify ?? (() => ANONYMOUS);
  const conflicts = options.conflictsPerMinute ? new Conflicts(options.conflictsPerMinute) : undefined;
  const watches = new Set<Watch>();
  options.onKeysChange?.(() => {
    for (const watch of [...watches]) {
      try {
        watch.recheck();
      } catch (error) {
        watches.delete(watch);
        watch.onDenied(error as Error);
      }
    }
  });
  // Fastify does not allow an object as the initial value, because all requests would share that object.
  app.decorateRequest("identity", null as unknown as Identity);
  const schemes = {
    key: { type: "http", scheme: "bearer", description: "An API key, made by `holdfast key create`" },
    ...options.securitySchemes,
  } as const;
  scopeRoutes(app, Object.keys(schemes));
  closeQueries(app);
  app.decorate("basics", {
    isHostAllowed,
    identify,
    limiter: options.limiter,
    closing: connections.closing,
    closeAfterAnswer: (reply) => {
      reply.header("connection", "close");
      connections.closeAfterAnswer(reply.request.raw.socket);
    },
    conflictsFor: (identity) =>
      conflicts && (maskFor(identity) !== undefined || !includesScope(identity.scopes, "read"))
        ? conflicts
        : undefined,
    recheck: (request) => recheck(request, identify),
    watch: (request) => {
      const watch: Watch = {
        request,
        onDenied: () => {},
        recheck: () => recheck(request, identify),
        end: () => watches.delete(watch),
      };
      watches.add(watch);
      return watch;
    },
    allowLongBody: (request, response) =>
      connections.allowLong(request, response, options.streamTimeoutMs ?? 600_000),
    hasProxies: Boolean(options.trustedProxies?.length),
    maskFor,
    observe: metrics.observeHttp,
  });
  if (masker) {
    // One hook masks the answers of all routes, so no new route can forget to mask.
    app.addHook("preSerialization", async (request, _reply, payload) => {
      const mask = request.identity === null ? masker : maskFor(request.identity);
      return mask ? mask(payload) : payload;
    });
  }
  registerAdmission(app, headers, notFound);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: options.title, description: options.description, version: options.version },
      components: {
        securitySchemes: schemes,
      },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    staticCSP: false,
    // The top bar is hidden, because it advertises the plugin and can load API descriptions from other servers.
    theme: {
      title: options.title,
      css: [{ filename: "theme.css", content: ".swagger-ui .topbar { display: none }" }],
    },
  });
  registerHealth(app, options);
  return app;
}

/**
 * Takes a path that cannot be decoded, such as `/queues/%`, as it is written. Browsers do the same. So somebody who opens
 * it gets the page of the dashboard, as with any other wrong path. In the API, the router refuses it with 400.
 */
function decodable(url: string): string {
  if (!url.includes("%") || url.startsWith("/v1/")) return url;
  const [path = ""] = url.split("?", 1);
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return path.replaceAll("%", "%25") + url.slice(path.length);
  }
}

/** Helmet makes the same headers for every response. So they are made only once, here. */
async function securityHeaders(
  contentSecurityPolicy: Record<string, string[]> | undefined,
): Promise<Record<string, string>> {
  const probe = Fastify();
  await probe.register(helmet, {
    // A browser that obeyed these two headers would use TLS, which a port in a private network may not have.
    strictTransportSecurity: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null, ...contentSecurityPolicy } },
  });
  let headers: Record<string, string> = {};
  probe.get("/", (_request, reply) => {
    headers = Object.fromEntries(
      Object.entries(reply.raw.getHeaders()).map(([name, value]) => [name, String(value)]),
    );
    return reply.send();
  });
  await probe.inject("/");
  await probe.close();
  return headers;
}

/**
 * Removes the prefix from the path before anything reads the path. Paths without the prefix are served too, for health
 * checks.
 */
function serveBelow(app: HttpServer, basePath: string): void {
  const strip = (request: IncomingMessage, response?: ServerResponse) => {
    if (request.url?.startsWith(`${basePath}/`)) cutPathInFront(basePath, request, response);
  };
  app.server.prependListener("request", strip);
  app.server.prependListener("upgrade", (request) => strip(request));
  // Without the slash at the end, a browser would resolve the relative addresses of the page in the parent folder.
  app.get(basePath, { schema: { hide: true }, config: { scope: "public" } }, (_request, reply) =>
    reply.redirect(`${basePath.slice(basePath.lastIndexOf("/") + 1)}/`, 308),
  );
}

/**
 * Starts to listen. If the port is in use, the error names the process that holds the port, and the variable that sets
 * another port.
 */
export async function listen(
  app: HttpServer,
  options: { host: string; port: number; variable: string },
): Promise<string> {
  try {
    return await app.listen({
      host: options.host,
      port: options.port,
      listenTextResolver: (address) => `listening at ${address}`,
    });
  } catch (error) {
    if (!isPortInUse(error)) throw error;
    throw new StartupError(await portInUseMessage(options.port, options.variable), { cause: error });
  }
}

function registerHealth(app: HttpServer, options: HttpServerOptions): void {
  const hidden = { schema: { hide: true }, config: { scope: "public" as const } };
  app.get("/openapi.json", hidden, async () => app.swagger());
  app.get("/livez", hidden, async () => ({ ok: true }));
  app.get("/readyz", hidden, async (_request, reply) => {
    const readiness = await safely(options.ready);
    return reply.code(readiness.ok ? 200 : 503).send(readiness);
  });
  app.get("/metrics", hidden, async (request, reply) => {
    // This readiness check also updates the metric `redis_up`, so that the answer shows its current value.
    await safely(options.ready);
    const { contentType, text } = await options.metrics.read(request.headers.accept);
    return reply.type(contentType).send(text);
  });
}

function registerParsers(app: HttpServer): void {
  const wantsBytes = (request: FastifyRequest) => request.routeOptions.config.rawBody === true;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    (request: FastifyRequest, body: Buffer, done) => {
      if (wantsBytes(request)) {
        done(null, body);
        return;
      }
      let value: unknown;
      try {
        // Some clients send Content-Type with every request, even without a body.
        value = body.length === 0 ? undefined : parseJson(body);
      } catch (error) {
        done(error as Error);
        return;
      }
      done(null, value);
    },
  );
  app.addContentTypeParser(
    ["application/x-ndjson", "application/ndjson"],
    (request: FastifyRequest, body: IncomingMessage, done) => {
      if (request.routeOptions.config.lines === true) done(null, body);
      else done(notTaken(request));
    },
  );
}

/** Answers bytes that are not valid HTTP. They never reach a route. */
function answerClientError(connections: Connections, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    if (!connections.goesOn(socket))
      answerRaw(socket, 408, "request_timeout", "the request took too long to arrive: send it again");
  } else if (error.code === "HPE_HEADER_OVERFLOW") {
    answerRaw(socket, 431, "invalid_request", "the request headers are too large");
  } else {
    answerRaw(socket, 400, "invalid_request", "the request is not valid HTTP");
  }
}
