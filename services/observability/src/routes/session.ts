import { type ApiKey, allowsDemoLoad } from "@holdfast/contracts";
import { type Identity, LogInBody, SessionView } from "@holdfast/contracts/api";
import { type HttpServer, NOBODY, networkOf, RateLimiter, tooMany } from "@holdfast/service";
import type { FastifyReply, FastifyRequest } from "fastify";
import { HoldfastError } from "holdfast";
import type { Entrance } from "../identity/person.ts";
import type { Session } from "../identity/sessions.ts";
import { type AuditLog, authorOf } from "../operators/audit-log.ts";
import { RefusedLogIns } from "../operators/refused-log-ins.ts";
import { PROBLEMS, TAGS } from "./context.ts";

/**
 * An address may send five wrong keys at once, and then one in ten seconds. Further ones are answered 429. Nobody can
 * guess a key, but the attempts would fill the log. A request with a right key is never refused for this, since another
 * client behind the same address may have sent the wrong keys.
 */
const FAILURES = { perSecond: 0.1, burst: 5 };

export interface SessionRouteOptions {
  entrance: Entrance;
  audit: AuditLog;
  readOnly: boolean;
  environment: string | null;
  traceUrl: string | null;
  /** Returns the name of the Redis that is shown; null if the process shows only one. */
  redisName(): string | null;
  /** How many log-ins per key and minute are allowed, and how many log-outs. */
  logInsPerMinute: number;
}

/** Log-in to the dashboard. The caller sends a key and gets a cookie that scripts cannot read. */
export function sessionRoutes(app: HttpServer, options: SessionRouteOptions): void {
  const { entrance, audit, readOnly, environment, traceUrl, redisName, logInsPerMinute } = options;
  const refused = new RefusedLogIns(audit);
  app.addHook("onClose", () => refused.flush());
  const { sessions } = entrance;
  const failures = new RateLimiter(FAILURES);
  const perKey = { perSecond: logInsPerMinute / 60, burst: logInsPerMinute };
  const logIns = new RateLimiter(perKey);
  const logOuts = new RateLimiter(perKey);
  const tags = [TAGS.system];
  const config = { scope: "public" as const, allowsReadOnly: true };

  const viewOf = (identity: Identity, session: Session | undefined): SessionView => ({
    authenticated: identity !== NOBODY,
    keysRequired: entrance.isGuarded(),
    readOnly,
    label: identity === NOBODY ? "" : identity.label,
    role: identity.role,
    scopes: [...identity.scopes],
    queues: identity === NOBODY ? null : identity.queues,
    expiresAt: session && Number.isFinite(session.expiresAt) ? session.expiresAt : null,
    idleExpiresAt: session?.idleExpiresAt ?? null,
    environment,
    traceUrl,
    redis: redisName(),
    demoLoad: allowsDemoLoad(environment),
  });

  const take = (limiter: RateLimiter, who: string, what: string) => {
    const verdict = limiter.take(who);
    if (!verdict.isAllowed) throw tooMany(verdict, what);
  };

  /** @throws HoldfastError unauthorized; rate_limited after too many wrong keys */
  const keyOf = (request: FastifyRequest, text: string): ApiKey => {
    try {
      return sessions.keyOf(text);
    } catch (error) {
      if (!(error instanceof HoldfastError) || error.code !== "unauthorized") throw error;
      take(failures, networkOf(request.ip), "too many wrong keys from this address");
      request.log.warn({ from: request.ip }, "log-in refused");
      throw error;
    }
  };

  /** @throws HoldfastError unauthorized, rate_limited */
  const openedWith = (request: FastifyRequest, text: string, before: Session | undefined) => {
    try {
      const key = keyOf(request, text);
      take(logIns, key.id, "too many log-ins with this key");
      return sessions.open(key, before);
    } catch (error) {
      if (error instanceof HoldfastError && error.code !== "redis_unavailable")
        refused.add(request, text, error.code);
      throw error;
    }
  };

  /** Writes the audit record, without delaying the answer: a log-in works even if Redis does not answer. */
  const leaveRecord = (
    request: FastifyRequest,
    { identity }: Session,
    action: "session.log_in" | "session.log_out",
  ) => {
    const author = authorOf(request, identity);
    void audit.record({ ...author, action, subject: identity.keyId, outcome: "succeeded" });
  };

  const endOf = async (session: Session, request: FastifyRequest) => {
    try {
      await sessions.end(session);
    } catch (error) {
      request.log.error(
        { err: error },
        "logged out in this process only: the log-out could not be stored for the other processes",
      );
    }
  };

  // The cookie of a session that is in use is renewed from time to time.
  app.addHook("onSend", async (request, reply) => {
    if (request.identity?.kind !== "session" || reply.hasHeader("set-cookie")) return;
    const session = sessions.find(request.headers.cookie);
    const value = session && sessions.use(session, request.headers.cookie);
    if (value !== undefined) reply.header("set-cookie", sessions.cookiesOf(value, isTls(request)));
  });

  app.get(
    "/v1/session",
    {
      config,
      schema: {
        tags,
        summary: "Who am I?",
        description: "Also for callers that are not logged in.",
        response: { 200: SessionView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      const session = sessions.find(request.headers.cookie);
      let identity: Identity = NOBODY;
      try {
        identity = entrance.identify(request.raw);
      } catch {
        // If Redis does not answer, the identity stays unset, and the answer says that the caller is not logged in.
      }
      request.identity = identity;
      noStore(reply);
      return viewOf(identity, identity.kind === "session" ? session : undefined);
    },
  );

  app.post(
    "/v1/session",
    {
      config,
      schema: {
        tags,
        summary: "Log in with a key",
        description:
          "Sets the cookie `holdfast_session`, over TLS `__Host-holdfast_session`. The session ends with its key.",
        body: LogInBody,
        response: { 200: SessionView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      noStore(reply);
      if (!entrance.isGuarded()) {
        // A service without keys has no log-in. The caller already has access.
        return viewOf(entrance.identify(request.raw), undefined);
      }
      const text = request.body.key.trim();
      // A log-in ends the previous session of this browser, even if it belonged to another key.
      const before = sessions.find(request.headers.cookie);
      const { session, value } = openedWith(request, text, before);
      if (before) await endOf(before, request);
      reply.header("set-cookie", sessions.cookiesOf(value, isTls(request)));
      leaveRecord(request, session, "session.log_in");
      return viewOf(session.identity, session);
    },
  );

  app.delete(
    "/v1/session",
    {
      config,
      schema: {
        tags,
        summary: "Log out",
        description: "Ends the session, also for copies of its cookie.",
        response: { 200: SessionView, ...PROBLEMS },
      },
    },
    async (request, reply) => {
      noStore(reply);
      const session = sessions.find(request.headers.cookie);
      if (session) {
        take(logOuts, session.identity.keyId ?? "", "too many log-outs with this key");
        await endOf(session, request);
        leaveRecord(request, session, "session.log_out");
      }
      reply.header("set-cookie", sessions.goneCookies());
      return viewOf(NOBODY, undefined);
    },
  );
}

/**
 * Whether the request of the browser came over TLS, according to the header of a proxy or to the Origin of the page.
 */
function isTls(request: FastifyRequest): boolean {
  const { origin } = request.headers;
  return request.protocol === "https" || (origin?.startsWith("https://") ?? false);
}

function noStore(reply: FastifyReply): void {
  reply.header("cache-control", "no-store");
}
