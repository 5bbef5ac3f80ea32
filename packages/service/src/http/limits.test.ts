import { connect } from "node:net";
import { HoldfastError } from "@holdfast/contracts";
import { until } from "@holdfast/testing";
import { pino } from "pino";
import { expect, onTestFinished, type TestContext, test } from "vitest";
import { createMetrics } from "../metrics.ts";
import { createHttpServer, type HttpServerOptions } from "./server.ts";
import type { HttpServer } from "./types.ts";

/** Tests that run at the same time have to give the function of their context. */
type AfterTest = TestContext["onTestFinished"];

const stranger = () => {
  throw new HoldfastError("unauthorized", "who is it?");
};

async function started(
  options: Partial<HttpServerOptions> = {},
  afterTest: AfterTest = onTestFinished,
): Promise<{ app: HttpServer; port: number }> {
  const app = await createHttpServer({
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
  afterTest(() => app.close());
  app.post("/echo", async (request) => request.body ?? null);
  app.post("/lines", { config: { lines: true } }, async (request, reply) => {
    if (request.headers["content-type"] !== "application/x-ndjson") return request.body ?? null;
    app.basics.allowLongBody(request.raw, reply.raw);
    let bytes = 0;
    for await (const chunk of request.body as AsyncIterable<Buffer>) bytes += chunk.length;
    return { bytes };
  });
  app.post("/stream", { config: { lines: true } }, (request, reply) => {
    app.basics.allowLongBody(request.raw, reply.raw);
    return reply.send(request.body as never);
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { app, port: (app.server.address() as { port: number }).port };
}

const served = async (options: Partial<HttpServerOptions> = {}) => (await started(options)).port;

/** @param allowHalfOpen keeps the client's side open after the server has closed its own */
function open(
  port: number,
  { host = "127.0.0.1", allowHalfOpen = false, afterTest = onTestFinished as AfterTest } = {},
) {
  const socket = connect({ port, host, allowHalfOpen });
  afterTest(() => void socket.destroy());
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

test("every limit that Fastify switches off by default is set", async () => {
  const { server } = (await started()).app;
  expect(server.maxConnections).toBe(4_096);
  for (const limit of ["requestTimeout", "headersTimeout", "timeout", "keepAliveTimeout"] as const)
    expect([limit, server[limit] > 0]).toEqual([limit, true]);
});

test("a connection above the cap is closed, and connections within the cap are served", async () => {
  const port = await served({ maxConnections: 2 });
  const kept = [open(port), open(port)];
  const get = `GET /livez HTTP/1.1\r\n${HEAD}\r\n`;
  for (const { socket, seen } of kept) {
    socket.write(get);
    await until("the connection is served", () => seen.text.includes("200 OK"));
  }
  const third = open(port);
  third.socket.write(get);
  await until("the third connection is closed", () => third.seen.isClosed);
  expect(third.seen.text).toBe("");
  expect(kept.map(({ seen }) => seen.isClosed)).toEqual([false, false]);
});

test("a body that never ends and headers that never end are cut off with 408", async () => {
  const port = await served({ requestTimeoutMs: 500 });
  const begun = [
    `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\n{`,
    "GET /livez HTTP/1.1\r\nHost:",
  ].map((text) => {
    const { socket, seen } = open(port);
    socket.write(text);
    return seen;
  });
  for (const seen of begun) {
    await until("the request is cut off", () => seen.isClosed);
    expect(seen.text).toContain("HTTP/1.1 408");
    expect(seen.text).toContain('"code":"request_timeout"');
  }
});

test("too many headers get 431, bytes that are not HTTP get 400, and a body above the limit gets 413", async () => {
  const port = await served({ bodyLimitBytes: 100 });
  for (const [text, status] of [
    [`GET /livez HTTP/1.1\r\n${HEAD}X-A: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["no http at all\r\n\r\n", 400],
    [`POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 101\r\n\r\n${"1".repeat(101)}`, 413],
  ] as const) {
    const { socket, seen } = open(port);
    socket.write(text);
    await until(`the service answers ${status}`, () => seen.text.includes(`HTTP/1.1 ${status}`));
    await until("the answer is a problem document", () => seen.text.includes("problem+json"));
  }
});

const SLOW = "Content-Length: 1000000\r\n\r\n{";

// Each of these connections is closed after two seconds, so the tests run at the same time.
test.concurrent.for([
  ["a body from a stranger", `POST /echo HTTP/1.1\r\n${HEAD}${SLOW}`, 401],
  [
    "lines from a stranger",
    "POST /lines HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    401,
  ],
  ["a body for an unknown path", `POST /nothing HTTP/1.1\r\n${HEAD}${SLOW}`, 404],
  ["a body of a GET that succeeds", `GET /livez HTTP/1.1\r\n${HEAD}${SLOW}`, 200],
  ["a Host that is not served", `POST /echo HTTP/1.1\r\nHost: evil.example\r\n${SLOW}`, 403],
  ["bytes that are not HTTP", `GET\r\n${HEAD}\r\n`, 400],
  ["a body that is too large", `POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 9000000\r\n\r\n{`, 413],
] as const)(
  "answers %s, and closes the connection if the client continues to send",
  async (row, { onTestFinished: afterTest }) => {
    const [, text, status] = row;
    const { port } = await started({ identify: status === 413 ? undefined : stranger }, afterTest);
    const { socket, seen } = open(port, { allowHalfOpen: true, afterTest });
    socket.write(text);
    const trickle = setInterval(() => socket.write(" "), 50);
    try {
      await until("the service answers", () => seen.text.includes(`HTTP/1.1 ${status} `), 5_000);
      // This is well before the request timeout of 30 s.
      await until("the connection is closed", () => seen.isClosed, 10_000);
    } finally {
      clearInterval(trickle);
    }
  },
);

test("the connection of a stranger is closed, and the connection of an authenticated caller is kept", async () => {
  const port = await served({ identify: stranger });
  const get = open(port);
  get.socket.write(`GET /echo HTTP/1.1\r\n${HEAD}\r\n`);
  const post = open(port);
  post.socket.write(`POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`);
  const known = open(port);
  known.socket.write(`GET /livez HTTP/1.1\r\n${HEAD}\r\n`);
  await until("the known caller is served", () => known.seen.text.includes("200 OK"));
  await until("the connection of the stranger is closed", () => post.seen.isClosed, 5_000);
  expect(post.seen.text).toContain("HTTP/1.1 401");
  known.socket.write(`GET /nothing HTTP/1.1\r\n${HEAD}\r\n`);
  await until("the authenticated caller is served again", () => known.seen.text.includes("HTTP/1.1 404"));
  known.socket.write(`POST /nothing HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`);
  await until(
    "the known caller is served once more",
    () => known.seen.text.split("HTTP/1.1 404").length === 3,
  );
  expect(known.seen.isClosed).toBe(false);
});

test("a body of lines from an authenticated caller gets more time than other bodies, but not without end", async () => {
  const port = await served({ requestTimeoutMs: 1_000, streamTimeoutMs: 4_000 });
  const lines = "Host: 127.0.0.1\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
  const long = open(port);
  long.socket.write(`POST /lines HTTP/1.1\r\n${lines}2\r\n{}\r\n`);
  const json = open(port);
  json.socket.write(`POST /lines HTTP/1.1\r\n${HEAD}Content-Length: 100\r\n\r\n{`);
  const endless = [open(port), open(port)];
  endless[0]?.socket.write(`POST /lines HTTP/1.1\r\n${lines}2\r\n{}\r\n`);
  endless[1]?.socket.write(`POST /stream HTTP/1.1\r\n${lines}2\r\n{}\r\n`);
  await until("the JSON body is cut off", () => json.seen.isClosed, 8_000);
  expect(json.seen.text).toContain("HTTP/1.1 408");
  expect(long.seen).toEqual({ text: "", isClosed: false });
  long.socket.write("2\r\n{}\r\n0\r\n\r\n");
  await until("the server has answered the lines", () => long.seen.text.includes('{"bytes":4}'), 8_000);
  await until("the endless requests are cut off", () => endless.every(({ seen }) => seen.isClosed), 15_000);
  expect(endless[0]?.seen.text).toContain("HTTP/1.1 408");
  // The first answer has begun, so there can be no second one.
  expect(endless[1]?.seen.text).toContain("HTTP/1.1 200");
  expect(endless[1]?.seen.text).not.toContain("HTTP/1.1 408");
});

test("an address with too many connections gets an answer that says so, and other addresses are served", async () => {
  const port = await served({ connectionsPerAddress: 3 });
  const get = `GET /livez HTTP/1.1\r\n${HEAD}\r\n`;
  const kept = [open(port), open(port), open(port)];
  for (const { socket, seen } of kept) {
    socket.write(get);
    await until("the connection is served", () => seen.text.includes("200 OK"));
  }
  const fourth = open(port);
  fourth.socket.write(`POST /echo HTTP/1.1\r\n${HEAD}Content-Length: 2\r\n\r\n{}`);
  await until("the fourth connection is closed", () => fourth.seen.isClosed);
  expect(fourth.seen.text).toMatch(/^HTTP\/1\.1 429 .*retry-after: 1\r\n/is);
  expect(fourth.seen.text).toContain('"code":"rate_limited"');
  // A connection that sends no request is closed as well.
  const silent = open(port);
  await until("the silent connection is closed", () => silent.seen.isClosed);
  const elsewhere = open(port, { host: "127.0.0.2" });
  elsewhere.socket.write(get);
  kept[0]?.socket.end();
  await until("the address may open another connection", () => kept[0]?.seen.isClosed === true);
  const next = open(port);
  next.socket.write(get);
  await until("the next connection is served", () => next.seen.text.includes("200 OK"));
});

test("connections above the limit of an address are closed, most of them at once", async () => {
  const port = await served({ connectionsPerAddress: 1 });
  const crowd = Array.from({ length: 60 }, () => open(port));
  await until(
    "all connections but one are closed",
    () => crowd.filter(({ seen }) => seen.isClosed).length === 59,
  );
});

test("the connections of a trusted proxy are not counted", async () => {
  const port = await served({ connectionsPerAddress: 1, trustedProxies: ["127.0.0.1"] });
  const ofProxy = Array.from({ length: 5 }, () => open(port));
  for (const { socket, seen } of ofProxy) {
    socket.write(`GET /livez HTTP/1.1\r\n${HEAD}\r\n`);
    await until("the connection is served", () => seen.text.includes("200 OK"));
  }
});
