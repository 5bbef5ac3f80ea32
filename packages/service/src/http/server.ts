import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import { HoldfastError, includesScope } from "@holdfast/contracts";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Identify } from "../identity/access.ts";
import type { Limiter } from "../identity/rate-limit.ts";
import { guardRoute, recheck, scopeRoutes } from "../identity/scopes.ts";
import { createMasker, parsePointers } from "../json/mask.ts";
import { decodeUtf8, parseJson } from "../json/slice.ts";
import { StartupError } from "../lifecycle.ts";
import type { Logger } from "../logger.ts";
import type { ServiceMetrics } from "../metrics.ts";
import { isPortInUse, portInUseMessage } from "../ports.ts";
import { Conflicts } from "../tasks/conflicts.ts";
import { answerRaw, Connections, hangUp } from "./connections.ts";
import { notTaken, registerErrors, sendProblem } from "./errors.ts";
import { type ReadinessCheck, safely } from "./health.ts";
import { isAllowedHost } from "./hosts.ts";
import { problem } from "./problem.ts";
import type { HttpServer, Watch } from "./types.ts";
import { closeQueries, typeboxValidator } from "./validation.ts";

/** A cookie that opens a route. */
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
  /** The address it will listen on: decides how strict the Host check is. */
  host: string;
  allowedHosts: string[];
  ready: ReadinessCheck;
  /** @default everybody is anonymous, and may do everything */
  identify?: Identify | undefined;
  /** What lets in beside a key, as OpenAPI describes it. */
  securitySchemes?: Record<string, SecurityScheme> | undefined;
  /** Tells of each change of the keys: what lasts and may no longer is ended. */
  onKeysChange?: ((listener: () => void) => unknown) | undefined;
  /** @default no limit */
  limiter?: Limiter | undefined;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  trustedProxies?: string[] | undefined;
  /** Of one key that does not see every payload; 0: no limit. @default 0 */
  conflictsPerMinute?: number | undefined;
  /** The prefix that a reverse proxy leaves in front of every path, such as `/queues`. */
  basePath?: string | undefined;
  /** JSON pointers into payloads and results that viewers do not see. */
  maskedPointers?: string[] | undefined;
  /** Bytes. @default 1_048_576 */
  bodyLimitBytes?: number;
  /** How long a request may take to arrive, ms; its headers have 30 s. @default 30_000 */
  requestTimeoutMs?: number;
  /** How long a body of lines of somebody who was let in may take, ms. @default 600_000 */
  streamTimeoutMs?: number;
  /** @default 4_096 */
  maxConnections?: number;
  /** Connections of one address at a time, but for those of trusted proxies; 0: no cap. @default 0 */
  connectionsPerAddress?: number;
  /** Content-Security-Policy directives that differ from the default. */
  contentSecurityPolicy?: Record<string, string[]>;
}

/** A key is over within a second of its end; what took no longer was checked soon enough. */
const RECHECK_MS = 1_000;

/**
 * Fastify with everything that the HTTP services share. Routes are added by the caller, before `listen`.
 * Every error leaves as `application/problem+json`.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { metrics } = options;
  const app: HttpServer = Fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    // Two lines per request would cost more than the request; errors are logged by the error handler.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimitBytes ?? 1_048_576,
    // Fastify sets none of these by itself. 75 s leaves room for a long-poll of 30 s.
    requestTimeout: options.requestTimeoutMs ?? 30_000,
    // Node looks every 30 s by itself: a request that takes for ever would live twice as long as it may.
    http: {
      headersTimeout: Math.min(30_000, options.requestTimeoutMs ?? 30_000),
      connectionsCheckingInterval: 1_000,
    },
    connectionTimeout: 75_000,
    keepAliveTimeout: 65_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
    requestIdHeader: false,
    trustProxy: options.trustedProxies?.length ? options.trustedProxies : false,
    genReqId: requestId,
    childLoggerFactory: (logger, bindings, options, raw) => {
      const given = clientRequestId(raw.headers);
      return logger.child(given === null ? bindings : { ...bindings, clientRequestId: given }, options);
    },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
    clientErrorHandler: (error, socket) => answerClientError(connections, error, socket as Socket),
    frameworkErrors: (error, request, reply) => {
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
  // Response schemas are documentation: a serialiser built from them would drop fields in silence.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  registerParsers(app);
  const notFound = registerErrors(app);

  const security = await securityHeaders(options.contentSecurityPolicy);
  // These hooks call back: a promise per hook and request costs more than what they do.
  let lastHost: string | undefined;
  // Most clients keep to one name: it is looked at once.
  const isHostAllowed = (host: string | undefined) => {
    if (host !== undefined && host === lastHost) return true;
    if (!isAllowedHost(host, options.host, options.allowedHosts)) return false;
    lastHost = host;
    return true;
  };
  const masker = options.maskedPointers?.length
    ? createMasker(parsePointers(options.maskedPointers))
    : undefined;
  const maskFor = ({ role }: Identity) => (role === "viewer" ? masker : undefined);
  const identify = options.identify ?? (() => ANONYMOUS);
  const guard = { identify, limiter: options.limiter };
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
  // Fastify takes no object here, since requests would share it; each gets its own at once.
  app.decorateRequest("identity", null as unknown as Identity);
  const schemes = {
    key: { type: "http", scheme: "bearer", description: "An API key, made by `holdfast key create`" },
    ...options.securitySchemes,
  } as const;
  scopeRoutes(app, Object.keys(schemes));
  closeQueries(app);
  app.decorate("basics", {
    isHostAllowed,
    requestId,
    identify,
    limiter: options.limiter,
    isClosing: (socket: Socket) => connections.isClosing(socket),
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
    // Here and not in the routes: one that is added must not have to think of it.
    app.addHook("preSerialization", async (request, _reply, payload) => {
      const mask = request.identity === null ? masker : maskFor(request.identity);
      return mask ? mask(payload) : payload;
    });
  }
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(security);
    reply.header("x-request-id", request.id);
    if (connections.isClosing(request.raw.socket)) {
      app.basics.closeAfterAnswer(reply);
      done(
        new HoldfastError(
          "rate_limited",
          "too many connections from this address: close some, or raise CONNECTIONS_PER_ADDRESS",
          { retryAfterMs: 1_000 },
        ),
      );
      return;
    }
    const { host, "content-encoding": encoding, "transfer-encoding": transfer } = request.headers;
    if (!isHostAllowed(host)) {
      done(
        new HoldfastError(
          "forbidden",
          `this service does not answer to the Host "${(host ?? "").slice(0, 128)}": add the name to ALLOWED_HOSTS`,
        ),
      );
      return;
    }
    if (request.is404) {
      // Before its body, which nobody asked for, is waited for.
      notFound(request, reply);
      return;
    }
    if (encoding !== undefined && encoding !== "identity") {
      reply.header("accept-encoding", "identity");
      done(
        new HoldfastError(
          "unsupported_media_type",
          `the content encoding "${encoding.slice(0, 64)}" is not supported: send the body as it is, without Content-Encoding`,
        ),
      );
      return;
    }
    // Node takes the chunks apart and leaves every other coding as it is.
    if (transfer !== undefined && transfer.toLowerCase() !== "chunked") {
      app.basics.closeAfterAnswer(reply);
      done(
        new HoldfastError(
          "unsupported_media_type",
          `the transfer encoding "${transfer.slice(0, 64)}" is not supported: send the body as it is, with Content-Length or "Transfer-Encoding: chunked"`,
        ),
      );
      return;
    }
    // Payloads are for whoever asked for them, and no cache in between.
    if (request.routeOptions.config.scope !== "public") reply.header("cache-control", "no-store");
    try {
      guardRoute(request, reply, guard);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  });
  app.addHook("preHandler", (request, reply, done) => {
    try {
      // A body that took its time: its key may have been revoked meanwhile.
      if (reply.elapsedTime > RECHECK_MS) recheck(request, identify);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "__unmatched__";
    metrics.observeHttp(request.method, route, reply.statusCode, reply.elapsedTime / 1_000);
    if (request.raw.complete === false) hangUp(request.raw);
    done();
  });

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
    // Without the bar on top: it is the plugin's own advertisement, and its field loads foreign documents.
    theme: {
      title: options.title,
      css: [{ filename: "theme.css", content: ".swagger-ui .topbar { display: none }" }],
    },
  });
  registerHealth(app, options);
  return app;
}

/** Helmet makes the same headers for every response, at some cost: they are made once. */
async function securityHeaders(
  contentSecurityPolicy: Record<string, string[]> | undefined,
): Promise<Record<string, string>> {
  const probe = Fastify();
  await probe.register(helmet, {
    // Plain HTTP on a private network: these two would send browsers to a port that speaks no TLS.
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

/** Takes the path off before anything looks at it; without the path everything is served as well, for health checks. */
function serveBelow(app: HttpServer, basePath: string): void {
  const strip = (request: IncomingMessage) => {
    if (request.url?.startsWith(`${basePath}/`)) request.url = request.url.slice(basePath.length);
  };
  app.server.prependListener("request", strip);
  app.server.prependListener("upgrade", strip);
  // Without the slash at the end, relative addresses of the page would resolve to the folder above.
  app.get(basePath, { schema: { hide: true }, config: { scope: "public" } }, (_request, reply) =>
    reply.redirect(`${basePath.slice(basePath.lastIndexOf("/") + 1)}/`, 308),
  );
}

/** Listens, or says who holds the port and which variable moves this service. */
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
    // The check keeps `redis_up` true at the moment of the scrape.
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
        // Clients that always send the header also send it where there is nothing to say.
        value = body.length === 0 ? undefined : parseJson(decodeUtf8(body));
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

/** Always made here, and not guessable: whoever could choose the id of a request could take it for that of another. */
function requestId(): string {
  return randomUUID();
}

/**
 * The id that the client gave its request by `X-Request-Id`, for logs and the audit log; null where it gave none, or
 * one that is not harmless in a log line. It identifies nothing: two clients can send the same one.
 */
export function clientRequestId(headers: IncomingMessage["headers"]): string | null {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9_.:-]{1,128}$/.test(given) ? given : null;
}

/** What is not even HTTP never reaches a route. */
function answerClientError(connections: Connections, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
    if (!connections.goesOn(socket))
      answerRaw(socket, 408, "request_timeout", "the request did not arrive in time");
  } else if (error.code === "HPE_HEADER_OVERFLOW") {
    answerRaw(socket, 431, "invalid_request", "the request headers are too large");
  } else {
    answerRaw(socket, 400, "invalid_request", "the request is not valid HTTP");
  }
}
