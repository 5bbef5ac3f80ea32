import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { HoldfastError } from "holdfast";
import type { Gate } from "./gate.ts";

/** The part of a Fastify instance by which `mountDashboard` recognises it. */
export interface FastifyApp {
  server: Server;
  prefix: string;
  register(...args: never[]): unknown;
  addContentTypeParser(...args: never[]): unknown;
}

/** The part of an Express app by which `mountDashboard` recognises it. A `Router` is not an app. */
export interface ExpressApp {
  use(...args: never[]): unknown;
  listen(...args: never[]): unknown;
  mountpath: string | string[];
}

export type DashboardApp = FastifyApp | ExpressApp;

interface ExpressRequest extends IncomingMessage {
  baseUrl: string;
  originalUrl: string;
}

type ExpressHandler = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

export const isFastify = (app: DashboardApp): app is FastifyApp => "addContentTypeParser" in app;

/** @throws HoldfastError invalid_argument */
export function assertApp(app: DashboardApp): void {
  if (typeof app === "function" && "mountpath" in app && "listen" in app) return;
  if (typeof app === "object" && app !== null && isFastify(app)) return;
  throw new HoldfastError(
    "invalid_argument",
    "mountDashboard needs a Fastify instance, or the app that express() returns. Instead of a Router, give the app, and the whole path",
    { field: "app" },
  );
}

/**
 * Passes the requests below the path to the gate. They have passed the hooks of the app, but their bodies are unread.
 */
export function mountOnFastify(app: FastifyApp, gate: Gate): void {
  const host = app as unknown as FastifyInstance;
  host.register(
    async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", (_request, _body, done) => done(null));
      // This is a hook and not the handler, because @fastify/websocket replaces the handlers of an app that uses it.
      scope.addHook("preHandler", async (request, reply) => {
        const identity = await gate.admit(request, request.raw);
        reply.hijack();
        await gate.serve(request, identity, request.raw, reply.raw);
      });
      const handler = async () => {};
      scope.all("/", { schema: { hide: true } as object }, handler);
      scope.all("/*", { schema: { hide: true } as object }, handler);
    },
    { prefix: gate.path.slice(app.prefix.length) },
  );
  gate.attach(app.server);
  // `onClose` would be too late: the server would already wait for the end of the live connections.
  host.addHook("preClose", () => gate.stop());
}

/** Passes the requests below the path to the gate. */
export function mountOnExpress(app: ExpressApp, gate: Gate): void {
  const use = app.use as (path: string, handler: ExpressHandler) => unknown;
  use.call(app, gate.path, (request, response, next) => {
    // Express ignores upper and lower case in paths, but the gate serves only the exact path.
    if (request.baseUrl !== gate.path) {
      next();
      return;
    }
    // The server exists only once the app listens. The first request gives the gate that server, so that it can serve
    // live connections.
    gate.attach((request.socket as unknown as { server: Server }).server);
    gate
      .admit(request, request)
      .then((identity) => {
        request.url = request.originalUrl;
        return gate.serve(request, identity, request, response);
      })
      .catch(next);
  });
}
