import { connect, type Socket } from "node:net";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { createMetrics } from "../metrics.ts";
import { waitUntil } from "../testing/index.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./server.ts";

const sockets: Socket[] = [];
let app: HttpServer | undefined;
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app?.close();
});

async function served(options: Partial<HttpServerOptions> = {}): Promise<number> {
  app = await createHttpServer({
    title: "t",
    description: "d",
    version: "0",
    logger: pino({ level: "silent" }),
    metrics: createMetrics({ service: "test", version: "0" }),
    host: "127.0.0.1",
    allowedHosts: [],
    ready: async () => ({ ok: true, detail: "" }),
    ...options,
  });
  app.post("/echo", async (request) => request.body ?? null);
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as { port: number }).port;
}

function open(port: number) {
  const socket = connect(port, "127.0.0.1");
  sockets.push(socket);
  const seen = { text: "", isClosed: false };
  socket.on("data", (chunk) => {
    seen.text += String(chunk);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    seen.isClosed = true;
  });
  return { socket, seen };
}

const HEAD = "Host: 127.0.0.1\r\nContent-Type: application/json\r\n";

test("none of the limits that Fastify leaves off is off", async () => {
  await served();
  const server = app?.server;
  expect(server?.maxConnections).toBe(4_096);
  for (const limit of ["requestTimeout", "headersTimeout", "timeout", "keepAliveTimeout"] as const)
    expect([limit, (server?.[limit] ?? 0) > 0]).toEqual([limit, true]);
});

test("a connection beyond the cap is closed, those within it are served", async () => {
  const port = await served({ maxConnections: 2 });
  const kept = [open(port), open(port)];
  const get = `GET /livez HTTP/1.1\r\n${HEAD}\r\n`;
  for (const { socket, seen } of kept) {
    socket.write(get);
    await waitUntil("it is served", () => seen.text.includes("200 OK"));
  }
  const third = open(port);
  third.socket.write(get);
  await waitUntil("it is closed", () => third.seen.isClosed);
  expect(third.seen.text).toBe("");
  expect(kept.map(({ seen }) => seen.isClosed)).toEqual([false, false]);
});

test("a body that never ends and headers that never end are cut off with 408", async () => {
  const port = await served({ requestTimeoutMs: 500 });
  for (const begun of [
    `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\n{`,
    "GET /livez HTTP/1.1\r\nHost:",
  ]) {
    const { socket, seen } = open(port);
    socket.write(begun);
    await waitUntil("it is cut off", () => seen.isClosed);
    expect(seen.text).toContain("HTTP/1.1 408");
    expect(seen.text).toContain('"code":"request_timeout"');
  }
});

test("too many headers are 431, what is no HTTP is 400, a body beyond the limit 413", async () => {
  const port = await served({ bodyLimitBytes: 100 });
  for (const [text, status] of [
    [`GET /livez HTTP/1.1\r\n${HEAD}X-A: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["no http at all\r\n\r\n", 400],
    [`POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 101\r\n\r\n${"1".repeat(101)}`, 413],
  ] as const) {
    const { socket, seen } = open(port);
    socket.write(text);
    await waitUntil(`it answers ${status}`, () => seen.text.includes(`HTTP/1.1 ${status}`));
    await waitUntil("a problem", () => seen.text.includes("problem+json"));
  }
});
