import type { AddressInfo } from "node:net";
import { createLogger } from "@holdfast/service";
import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import express from "express";
import Fastify from "fastify";
import { Observer, Queue } from "holdfast";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import WebSocket from "ws";
import { type MountOptions, mountDashboard } from "../src/index.ts";
import {
  byMiddleware,
  type Host,
  type StartHost,
  startExpress,
  startExpress4,
  startFastify,
  startFastifyWithWebsockets,
} from "./hosts.ts";

const PATH = "/admin/queues";
let redis: RedisServer;
let observer: Observer;
let queue: Queue;

beforeAll(async () => {
  redis = await startRedisServer();
  observer = new Observer({ redis: redis.url });
  queue = new Queue("mail", { redis: redis.url });
  await queue.enqueue("welcome", { to: "ada", card: "4111" }, { id: "first" });
});
afterAll(async () => {
  await queue?.close();
  await observer?.close();
  await redis?.stop();
});

const optionsOf = (changes: Partial<MountOptions> = {}): MountOptions => ({
  path: PATH,
  redis: redis.url,
  authorize: byMiddleware,
  logger: createLogger({ LOG_LEVEL: "silent" }, "test"),
  ...changes,
});

/** Waits until changes are allowed, which is when Redis has passed its checks at the start. */
const ready = (host: Host) =>
  until("the dashboard is ready", async () => (await ask(host, "GET", "/readyz")).status === 200, 30_000);

async function ask(
  { base }: Pick<Host, "base">,
  method: string,
  path: string,
  { who = "ada", body, headers = {} }: { who?: string; body?: object; headers?: Record<string, string> } = {},
) {
  const response = await fetch(`${base}${PATH}${path}`, {
    method,
    redirect: "manual",
    headers: {
      cookie: `who=${who}`,
      origin: base,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
}

/** Opens a live connection. Resolves with the socket after its first frame, or with the status of the refusal. */
function connect(
  { base }: Host,
  { who = "ada", path = `${PATH}/v1/stream`, origin = base } = {},
): Promise<WebSocket | number> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${base.replace("http", "ws")}${path}`, {
      headers: { cookie: `who=${who}`, origin },
    });
    socket.once("message", () => resolve(socket));
    socket.once("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.once("error", reject);
  });
}

const closed = (socket: WebSocket) =>
  new Promise<number>((resolve) => {
    socket.once("close", resolve);
  });

interface Route {
  method: string;
  path: string;
  scope: string;
}

/** Returns the routes of the API description, with names filled in. */
async function routesOf(host: Host): Promise<Route[]> {
  const { paths } = (await ask(host, "GET", "/openapi.json")).json() as {
    paths: Record<string, Record<string, { "x-scope": string }>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll("{queue}", "mail").replaceAll(/\{\w+\}/g, "x"),
      scope: operation["x-scope"],
    })),
  );
}

/** Routes that the description does not list. */
const HIDDEN = [
  "",
  "/",
  "/queues/mail",
  "/metrics",
  "/livez",
  "/readyz",
  "/docs",
  "/docs/json",
  "/openapi.json",
];

describe.each<[string, StartHost]>([
  ["Fastify", startFastify],
  ["Fastify with live connections of its own, and a prefix", startFastifyWithWebsockets],
  ["Express 5", startExpress],
  ["Express 4", startExpress4],
])("the dashboard in %s", (_name, start) => {
  let host: Host;
  beforeAll(async () => {
    host = await start(optionsOf());
    await ready(host);
  });
  afterAll(() => host?.stop());

  test("is below the path, and the rest of the app is as before", async () => {
    const page = await ask(host, "GET", "/queues/mail/tasks");
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('<base href="../../">')]);
    expect(page.headers.get("content-security-policy")).toContain("frame-ancestors 'none'");
    const bare = await ask(host, "GET", "");
    expect([bare.status, bare.headers.get("location")]).toEqual([308, "queues/"]);
    expect((await ask(host, "GET", "/v1/queues/mail/tasks/first")).json()).toMatchObject({ id: "first" });
    const { base } = host;
    expect(await (await fetch(base)).text()).toBe("home");
    const echo = await fetch(`${base}/echo`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"a":1}',
    });
    expect(await echo.text()).toBe('{"a":1}');
    expect((await fetch(`${base}/v1/queues`)).status).toBe(404);
  });

  test("lets nobody through whom authorize does not name, on any route", async () => {
    const routes = await routesOf(host);
    expect(routes.length).toBeGreaterThan(25);
    const all = [...routes, ...HIDDEN.map((path) => ({ method: "GET", path }))];
    for (const { method, path } of all) {
      const { status, text } = await ask(host, method, path, { who: "eve" });
      expect.soft([method, path, status]).toEqual([method, path, 403]);
      expect.soft(text).toContain("log in to the app");
    }
  });

  test("lets a viewer read and change nothing", async () => {
    const routes = await routesOf(host);
    for (const { method, path, scope } of routes) {
      const hasBody = !["GET", "DELETE"].includes(method);
      const { status, text } = await ask(host, method, path, {
        who: "vera",
        ...(hasBody ? { body: {} } : {}),
      });
      const isRefused = status === 403 && text.includes("this needs the scope");
      expect.soft([method, path, isRefused]).toEqual([method, path, !["read", "public"].includes(scope)]);
    }
  });

  test("has no log-in, and knows the person by the name from the app", async () => {
    const session = await ask(host, "POST", "/v1/session", { who: "otto", body: { key: "hf_x" } });
    expect(session.json()).toMatchObject({
      authenticated: true,
      keysRequired: false,
      label: "otto",
      role: "operator",
    });
    expect(session.headers.get("set-cookie")).toBeNull();
    const enqueued = await ask(host, "POST", "/v1/queues/mail/pause", { who: "otto", body: {} });
    expect(enqueued.status).toBe(200);
    const audit = (await ask(host, "GET", "/v1/audit")).json();
    expect(audit.records[0]).toMatchObject({ action: "queue.pause", actor: "otto", role: "operator" });
    await observer.resume("mail");
  });

  test("refuses changes by pages of other origins, and by pages that do not say where they are from", async () => {
    const { base } = host;
    const change = async (origin: string) =>
      (await ask(host, "POST", "/v1/queues/mail/resume", { body: {}, headers: { origin } })).status;
    expect(await change(base)).toBe(200);
    for (const origin of ["https://evil.example", "null", base.replace(/\d+$/, "1")])
      expect([origin, await change(origin)]).toEqual([origin, 403]);
    const silent = await fetch(`${base}${PATH}/v1/queues/mail/resume`, {
      method: "POST",
      headers: { cookie: "who=ada", "sec-fetch-site": "cross-site" },
    });
    expect(silent.status).toBe(403);
  });

  test("has a live connection, with the same authorize and for its own pages only", async () => {
    const socket = await connect(host);
    expect(socket).toBeInstanceOf(WebSocket);
    (socket as WebSocket).close();
    expect(await connect(host, { who: "eve" })).toBe(403);
    expect(await connect(host, { origin: "https://evil.example" })).toBe(403);
    expect(await connect(host, { path: "/nowhere" })).toBe(404);
    if (start !== startFastifyWithWebsockets) return;
    const own = new WebSocket(`${host.base.replace("http", "ws")}/own`);
    const said = await new Promise((resolve) => own.once("message", (data) => resolve(String(data))));
    expect(said).toBe("own");
    own.close();
  });
});

test.each<[string, StartHost]>([
  ["Fastify", startFastify],
  ["Express", startExpress],
])(
  "a stop of %s ends the live connections and the connection to Redis",
  async (_name, start) => {
    const host = await start(optionsOf());
    await ready(host);
    const socket = (await connect(host)) as WebSocket;
    const code = closed(socket);
    await host.stop();
    expect(await code).toBe(1001);
    await host.dashboard.stop();
    expect(host.server.listening).toBe(false);
  },
  60_000,
);

test("after a stop of the dashboard alone, the app answers 503 below the path", async () => {
  const host = await startExpress(optionsOf());
  await ready(host);
  await host.dashboard.stop();
  expect((await ask(host, "GET", "/v1/queues")).status).toBe(503);
  expect(await (await fetch(host.base)).text()).toBe("home");
  await host.stop();
});

test("a live connection ends when authorize no longer names its person", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  let isLoggedIn = true;
  const host = await startFastify(
    optionsOf({ authorize: () => isLoggedIn && { label: "ada", role: "admin" } }),
  );
  try {
    await ready(host);
    const socket = (await connect(host)) as WebSocket;
    const code = closed(socket);
    // This is less than the 15 s between two pings, so that no answer to a ping can be late.
    await vi.advanceTimersByTimeAsync(11_000);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    isLoggedIn = false;
    await vi.advanceTimersByTimeAsync(11_000);
    expect(await code).toBe(4401);
  } finally {
    vi.useRealTimers();
    await host.stop();
  }
});

test("a live connection ends after five minutes, so that the next one passes the middleware of the app", async () => {
  const host = await startFastify(optionsOf());
  await ready(host);
  const socket = (await connect(host)) as WebSocket;
  const code = closed(socket);
  const now = performance.now.bind(performance);
  const later = vi.spyOn(performance, "now").mockImplementation(() => now() + 300_000);
  try {
    expect(await code).toBe(4401);
    expect(await connect(host)).toBeInstanceOf(WebSocket);
  } finally {
    later.mockRestore();
    await host.stop();
  }
});

test("a person whom authorize limits to queues sees only these, and a viewer sees masked payloads", async () => {
  const authorize = () => ({ label: "vera", role: "viewer" as const, queues: ["mail"] });
  const traceUrl = "https://tempo.example/trace/{traceId}";
  const host = await startFastify(
    optionsOf({ authorize, maskedPointers: ["/card"], environment: "staging", traceUrl }),
  );
  await ready(host);
  const task = (await ask(host, "GET", "/v1/queues/mail/tasks/first")).json();
  expect(JSON.parse(task.payloadText)).toEqual({ to: "ada", card: "***" });
  expect((await ask(host, "GET", "/v1/queues/other")).status).toBe(403);
  expect((await ask(host, "GET", "/v1/session")).json()).toMatchObject({ environment: "staging", traceUrl });
  await host.stop();
});

test("a read-only dashboard refuses every change", async () => {
  const host = await startExpress(optionsOf({ readOnly: true }));
  await ready(host);
  expect((await ask(host, "POST", "/v1/queues/mail/pause", { body: {} })).status).toBe(403);
  await host.stop();
});

describe("mountDashboard refuses to start", () => {
  test("without authorize", () => {
    const { authorize: _, ...rest } = optionsOf();
    for (const app of [Fastify(), express()])
      expect(() => mountDashboard(app, rest as MountOptions)).toThrow(
        /needs authorize: .* With authorize: "none", everybody who reaches the app may do everything/,
      );
  });

  test.each([
    ["a path without a slash", { path: "admin" }, /path must be a string that matches/],
    ["a path that ends with a slash", { path: "/admin/" }, /path must be a string that matches/],
    ["no path", { path: "" }, /path must be a string that matches/],
    ["a wrong pointer", { maskedPointers: ["card"] }, /MASKED_POINTERS/],
    ["a wrong address of a proxy", { trustedProxies: ["somewhere"] }, /TRUSTED_PROXIES/],
    ["a wrong address of Redis", { redis: "http://127.0.0.1" }, /redis/],
  ])("with %s", (_what, changes, message) => {
    expect(() => mountDashboard(Fastify(), optionsOf(changes))).toThrow(message);
  });

  test("in a Router, or in something else", () => {
    for (const app of [express.Router(), {}, undefined])
      expect(() => mountDashboard(app as never, optionsOf())).toThrow(/a Fastify instance, or the app/);
  });
});

test('with authorize: "none" everybody is an admin, but a name with a dot has to be allowed', async () => {
  const host = await startFastify(optionsOf({ authorize: "none" }));
  await ready(host);
  expect((await ask(host, "GET", "/v1/session", { who: "eve" })).json()).toMatchObject({ role: "admin" });
  const { port } = host.server.address() as AddressInfo;
  const status = await new Promise<number>((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}/v1/stream`, {
      headers: { host: "evil.example" },
    });
    socket.once("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.once("open", () => resolve(101));
    socket.once("error", reject);
  });
  expect(status).toBe(403);
  await host.stop();
});

test.each([
  ["a role that does not exist", { label: "ada", role: "owner" }],
  ["no label", { role: "admin" }],
  ["an empty label", { label: "", role: "admin" }],
  ["a wrong list of queues", { label: "ada", role: "admin", queues: "mail" }],
])("an answer of authorize with %s lets nobody in", async (_what, answer) => {
  const host = await startExpress(optionsOf({ authorize: () => answer as never }));
  const { status, text } = await ask(host, "GET", "/v1/queues");
  expect([status, text]).toEqual([
    500,
    expect.stringContaining("authorize has to return false, or an object with"),
  ]);
  await host.stop();
});

test("if a parser of the app has read the body, the error says what to do", async () => {
  const app = express();
  app.use(express.json());
  const dashboard = mountDashboard(app, optionsOf({ authorize: () => ({ label: "ada", role: "admin" }) }));
  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { status, text } = await ask({ base }, "POST", "/v1/queues/mail/pause", { body: { a: 1 } });
  expect([status, text]).toEqual([500, expect.stringContaining("call mountDashboard before express.json()")]);
  await dashboard.stop();
  await new Promise((resolve) => server.close(resolve));
});

test("while Redis is down, the page is served and the API says so", async () => {
  const host = await startFastify(optionsOf({ redis: "redis://127.0.0.1:1" }));
  expect((await ask(host, "GET", "/")).status).toBe(200);
  expect((await ask(host, "POST", "/v1/queues/mail/pause", { body: {} })).status).toBe(503);
  await host.stop();
});
