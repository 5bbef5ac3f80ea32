import { HoldfastError } from "@holdfast/contracts";
import type { FastifyReply, FastifyRequest } from "fastify";
import { guardRoute, recheck } from "../identity/scopes.ts";
import { hangUp } from "./connections.ts";
import type { HttpServer } from "./types.ts";

/** A revoked key loses access within a second: after a body that took longer to arrive, access is checked again. */
const RECHECK_MS = 1_000;

/**
 * Adds hooks that check each request before its body is read, and again if the body took long to arrive. They also
 * measure each request. `app.basics` has to be set first.
 * @param headers the headers of every answer
 * @param notFound answers an unknown path
 */
export function registerAdmission(
  app: HttpServer,
  headers: Record<string, string>,
  notFound: (request: FastifyRequest, reply: FastifyReply) => unknown,
): void {
  const { basics } = app;
  // The hooks use callbacks, because a promise per hook and request would cost more than the work of the hooks.
  app.addHook("onRequest", (request, reply, done) => {
    reply.headers(headers);
    reply.header("x-request-id", request.id);
    try {
      assertConnection(request, reply);
      if (request.is404) {
        // An unknown path is refused at once, before its body has arrived.
        notFound(request, reply);
        return;
      }
      assertEncoding(request, reply);
      // No cache may store payloads.
      if (request.routeOptions.config.scope !== "public") reply.header("cache-control", "no-store");
      guardRoute(request, reply, basics);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  });
  app.addHook("preHandler", (request, reply, done) => {
    try {
      // The body took long to arrive, so the key may have been revoked in the meantime.
      if (reply.elapsedTime > RECHECK_MS) recheck(request, basics.identify);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.routeOptions.url ?? "__unmatched__";
    basics.observe(request.method, route, reply.statusCode, reply.elapsedTime / 1_000);
    if (request.raw.complete === false) hangUp(request.raw);
    done();
  });
}

/**
 * Refuses requests of an address that has too many connections, and requests to a Host that is not allowed.
 * @throws HoldfastError rate_limited, forbidden
 */
function assertConnection(request: FastifyRequest, reply: FastifyReply): void {
  const { closing, closeAfterAnswer, isHostAllowed } = request.server.basics;
  if (closing.has(request.raw.socket)) {
    closeAfterAnswer(reply);
    throw new HoldfastError(
      "rate_limited",
      "too many connections from this address: close some, or raise CONNECTIONS_PER_ADDRESS",
      { retryAfterMs: 1_000 },
    );
  }
  const { host } = request.headers;
  if (isHostAllowed(host)) return;
  throw new HoldfastError(
    "forbidden",
    `this service does not answer to the Host "${(host ?? "").slice(0, 128)}": add the name to ALLOWED_HOSTS`,
  );
}

/** @throws HoldfastError unsupported_media_type */
function assertEncoding(request: FastifyRequest, reply: FastifyReply): void {
  const { "content-encoding": encoding, "transfer-encoding": transfer } = request.headers;
  if (encoding !== undefined && encoding !== "identity") {
    reply.header("accept-encoding", "identity");
    throw new HoldfastError(
      "unsupported_media_type",
      `the content encoding "${encoding.slice(0, 64)}" is not supported: send the body as it is, without Content-Encoding`,
    );
  }
  // Node decodes only `chunked`. With any other transfer encoding, the body would stay encoded.
  if (transfer !== undefined && transfer.toLowerCase() !== "chunked") {
    request.server.basics.closeAfterAnswer(reply);
    throw new HoldfastError(
      "unsupported_media_type",
      `the transfer encoding "${transfer.slice(0, 64)}" is not supported: send the body as it is, with Content-Length or "Transfer-Encoding: chunked"`,
    );
  }
}
