import { HoldfastError, includesScope, SCOPES, type Scope } from "@holdfast/contracts";
import { ANONYMOUS, type Identity } from "@holdfast/contracts/api";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { type Identify, mayUseQueue, NOT_YET_KNOWN } from "./access.ts";
import { bucketOf, type Limiter, rateHeaders, tooMany } from "./rate-limit.ts";

/** The scope `public` means that the route needs no API key. */
export type RouteScope = Scope | "public";

const READING = new Set(["GET", "HEAD"]);

/** Returns the scope of a route that declares none. */
export function defaultScope(route: Pick<RouteOptions, "method" | "url">): RouteScope {
  // These are the routes of the documentation plugin, which cannot declare a scope.
  if (route.url === "/docs" || route.url.startsWith("/docs/")) return "public";
  return [route.method].flat().every((method) => READING.has(method)) ? "read" : "control";
}

/**
 * Gives every route its scope, and adds the scope to the API description.
 * @param schemes the ways to authenticate; any one of them is enough
 */
export function scopeRoutes(app: Pick<FastifyInstance, "addHook">, schemes: readonly string[]): void {
  app.addHook("onRoute", (route) => {
    const scope = route.config?.scope ?? defaultScope(route);
    if (scope !== "public" && !SCOPES.includes(scope)) {
      throw new Error(`${String(route.method)} ${route.url}: "${String(scope)}" is not a scope`);
    }
    route.config = { ...route.config, scope };
    // A test reads the scope of each route from `x-scope`.
    route.schema = {
      ...route.schema,
      security: scope === "public" ? [] : schemes.map((scheme) => ({ [scheme]: [] })),
      "x-scope": scope,
    } as NonNullable<RouteOptions["schema"]>;
  });
}

/** A sender without a key on a service that needs none. */
export const NOBODY: Identity = Object.freeze<Identity>({
  ...ANONYMOUS,
  role: "viewer",
  scopes: [],
  queues: [],
});

export interface Guard {
  identify: Identify;
  limiter: Limiter | undefined;
}

/**
 * Identifies the sender of a request, and checks access and rate limit.
 * @throws HoldfastError unauthorized, forbidden, rate_limited, redis_unavailable
 */
export function guardRoute(request: FastifyRequest, reply: FastifyReply, { identify, limiter }: Guard): void {
  request.identity = NOBODY;
  const { scope } = request.routeOptions.config;
  // An unknown path has no scope. It is answered 404, which reveals nothing.
  if (scope === undefined || scope === "public") return;
  let identity: Identity;
  try {
    identity = identify(request.raw);
  } catch (error) {
    // Requests with a wrong key count in the rate limit of their address.
    if (limiter) takeFor(limiter, reply, bucketOf(undefined, request.ip));
    throw error;
  }
  request.identity = identity;
  if (limiter) takeFor(limiter, reply, bucketOf(identity, request.ip));
  assertMay(request, identity);
}

/**
 * Checks again that the sender has access, because the key can be revoked or expire during the request.
 * @throws HoldfastError unauthorized, forbidden, redis_unavailable
 */
export function recheck(request: FastifyRequest, identify: Identify): void {
  if (request.routeOptions.config.scope !== "public") assertMay(request, identify(request.raw));
}

function assertMay(request: FastifyRequest, identity: Identity): void {
  const { scope, beforeKeys } = request.routeOptions.config;
  if (scope === undefined || scope === "public") return;
  if (identity === NOT_YET_KNOWN && beforeKeys !== true) throw notYetKnown();
  assertScope(identity, scope);
  if (identity.queues === null) return;
  const { queue } = request.params as { queue?: unknown };
  if (typeof queue === "string") assertQueue(identity, queue);
  const { queue: asked } = request.query as { queue?: unknown };
  if (typeof asked === "string") assertQueue(identity, asked);
}

/** Checks access to a queue that the path does not name, but the body may. @throws HoldfastError forbidden */
export function assertQueue(identity: Identity, queue: string): void {
  if (mayUseQueue(identity, queue)) return;
  if (identity === NOT_YET_KNOWN) throw notYetKnown();
  // The message does not name the queue, because the caller may not be allowed to know the name.
  throw new HoldfastError("forbidden", "this key is limited to other queues");
}

/** @throws HoldfastError forbidden */
export function assertScope(identity: Identity, scope: Scope): void {
  if (includesScope(identity.scopes, scope)) return;
  if (identity === NOT_YET_KNOWN) throw notYetKnown();
  throw new HoldfastError(
    "forbidden",
    `this needs the scope "${scope}", and "${identity.label}" has ${identity.scopes.join(", ") || "none"}`,
  );
}

export function notYetKnown(): HoldfastError {
  return new HoldfastError("redis_unavailable", "waiting for Redis: try again shortly", {
    retryAfterMs: 2_000,
  });
}

function takeFor(limiter: Limiter, reply: FastifyReply, who: string): void {
  const verdict = limiter.take(who);
  const headers = rateHeaders(verdict);
  for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] as string, headers[at + 1]);
  if (!verdict.isAllowed) throw tooMany(verdict);
}
