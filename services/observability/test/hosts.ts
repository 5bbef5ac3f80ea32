import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import websocket from "@fastify/websocket";
import express, { type Express, type Request } from "express";
// @ts-expect-error It has no types. Those of Express 5 fit.
import express4 from "express4";
import Fastify, { type FastifyRequest } from "fastify";
import { type Authorize, type MountedDashboard, type MountOptions, mountDashboard } from "../src/index.ts";

export interface Host {
  /** The address of the app, such as `http://127.0.0.1:3000`. */
  base: string;
  server: Server;
  dashboard: MountedDashboard;
  stop(): Promise<void>;
}

export type StartHost = (options: MountOptions) => Promise<Host>;

const baseOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

/**
 * Returns the user that a cookie names. The middleware of these apps stores that user in the request, and `authorize`
 * reads it there.
 */
const userOf = (cookie: string | undefined) => /\bwho=(\w+)/.exec(cookie ?? "")?.[1];

interface WithUser {
  user?: string | undefined;
}

const ROLES = { vera: "viewer", otto: "operator", ada: "admin" } as const;

/**
 * Lets the people of `ROLES` in. It reads a field that the middleware of the app sets, so it shows that requests pass
 * the middleware.
 */
export const byMiddleware: Authorize = (request: (Request | FastifyRequest) & WithUser) => {
  const label = request.user;
  const role = ROLES[label as keyof typeof ROLES];
  return label !== undefined && role !== undefined && { label, role };
};

export const startFastify: StartHost = async (options) => {
  const app = Fastify();
  app.addHook("onRequest", async (request: FastifyRequest & WithUser) => {
    request.user = userOf(request.headers.cookie);
  });
  const dashboard = mountDashboard(app, options);
  app.get("/", async () => "home");
  app.post("/echo", async ({ body }) => body);
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { server } = app;
  return { base: baseOf(server), server, dashboard, stop: () => app.close() };
};

/** An app with live connections of its own, that mounts the dashboard in a scope with a prefix. */
export const startFastifyWithWebsockets: StartHost = async (options) => {
  const app = Fastify();
  await app.register(websocket);
  app.addHook("onRequest", async (request: FastifyRequest & WithUser) => {
    request.user = userOf(request.headers.cookie);
  });
  let dashboard: MountedDashboard | undefined;
  await app.register(
    async (scope) => {
      dashboard = mountDashboard(scope, { ...options, path: options.path.replace("/admin", "") });
    },
    { prefix: "/admin" },
  );
  app.get("/", async () => "home");
  app.post("/echo", async ({ body }) => body);
  app.get("/own", { websocket: true }, (socket) => socket.send("own"));
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { server } = app;
  return { base: baseOf(server), server, dashboard: dashboard as MountedDashboard, stop: () => app.close() };
};

const startExpressOf =
  (make: typeof express): StartHost =>
  async (options) => {
    const app: Express = make();
    app.use((request: Request & WithUser, _response, next) => {
      request.user = userOf(request.headers.cookie);
      next();
    });
    const dashboard = mountDashboard(app, options);
    app.get("/", (_request, response) => void response.send("home"));
    app.post("/echo", make.json(), (request, response) => void response.json(request.body));
    const server = app.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const stop = async () => {
      await dashboard.stop();
      await new Promise((resolve) => server.close(resolve));
    };
    return { base: baseOf(server), server, dashboard, stop };
  };

export const startExpress = startExpressOf(express);

export const startExpress4 = startExpressOf(express4 as typeof express);
