import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { createLogger, loadConfig } from "@holdfast/service";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Observer } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let port: number;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  port = await freePort();
  const config = loadConfig(configSchema, { PORT: String(port), REDIS_URL: redis.url, LOG_LEVEL: "silent" });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
});

afterAll(async () => {
  await app?.stop();
  await redis?.stop();
});

const LINE = '{"type":"t","payload":1}\n';

/** Starts a request with a batch of lines, for a new queue. The test writes the body. */
function open(headers: Record<string, string> = {}) {
  const queue = `lines-${++queues}`;
  const outgoing = request({
    host: "127.0.0.1",
    port,
    method: "POST",
    path: `/v1/queues/${queue}/tasks/batch`,
    headers: { "content-type": "application/x-ndjson", ...headers },
  });
  const answer = once(outgoing, "response").then(([response]) => response as IncomingMessage);
  return { queue, outgoing, answer };
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return text;
}

async function waiting(queue: string): Promise<number> {
  const observer = new Observer({ redis: redis.url });
  try {
    return (await observer.stats(queue)).pending;
  } finally {
    await observer.close();
  }
}

describe("a batch of lines", () => {
  test("is stored whole if it is larger than the buffer, with one result per task", async () => {
    const { queue, outgoing, answer } = open();
    // The body has to be longer than one block of lines.
    outgoing.end(`${LINE.repeat(20_000)}{oops\n${LINE.repeat(30_000)}`);
    const response = await answer;
    const body = JSON.parse(await textOf(response)) as Record<string, unknown> & {
      results: { status: number; code?: string }[];
    };
    expect(response.statusCode).toBe(207);
    expect(body).toMatchObject({ accepted: 50_000, duplicates: 0, failed: 1 });
    expect(body.results).toHaveLength(50_001);
    expect(body.results[20_000]).toMatchObject({ status: 400, code: "invalid_json" });
    expect(await waiting(queue)).toBe(50_000);
  });

  test("is answered line by line while it arrives, if the caller asks for lines", async () => {
    const { outgoing, answer } = open({ accept: "application/x-ndjson" });
    outgoing.write(LINE);
    const response = await answer;
    expect(response.headers["content-type"]).toContain("application/x-ndjson");
    const [first] = (await once(response, "data")) as [Buffer];
    expect(JSON.parse(String(first))).toMatchObject({ status: 201, state: "pending" });
    outgoing.end('{"type":"t"}\n{"type":"t","payload":2,"delayMs":60000}');
    const lines = (await textOf(response)).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { status: 422, code: "invalid_argument" },
      { status: 201, state: "scheduled" },
    ]);
  });

  test("keeps the stored tasks when the caller disconnects", async () => {
    const { queue, outgoing, answer } = open({ accept: "application/x-ndjson" });
    outgoing.on("error", () => {});
    outgoing.write(`${LINE.repeat(10)}{"type":"t","pay`);
    const response = await answer;
    response.on("error", () => {});
    await once(response, "data");
    outgoing.destroy();
    await until("the ten tasks are stored", async () => (await waiting(queue)) === 10);
  });

  test("without a task is refused as a whole", async () => {
    for (const headers of [{}, { accept: "application/x-ndjson" }]) {
      const { outgoing, answer } = open(headers);
      outgoing.end("\n \n");
      const response = await answer;
      expect(response.statusCode).toBe(422);
      expect(await textOf(response)).toContain("the batch is empty");
    }
  });
});

describe("the fast lane and Fastify", () => {
  const send = async (path: string, body: string, extra: Record<string, string>) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/queues/both/tasks${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...extra },
      body,
    });
    const { status, headers } = response;
    const text = await response.text();
    const told = ["content-type", "location", "idempotent-replayed", "retry-after"].map((name) =>
      headers.get(name),
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src");
    const { requestId, ...json } = JSON.parse(text) as { requestId?: string };
    // The body of a problem contains the id of its request.
    if (requestId !== undefined) expect(requestId).toBe(headers.get("x-request-id"));
    return { status, told, json };
  };

  test.each([
    ["", '{"type":"t","id":"a","payload":1}'],
    ["", '{"type":"t","id":"a","payload":2}'],
    ["", '{"type":"t","payload":2'],
    ["", '{"type":"t","payload":2,"x":1}'],
    ["/batch", '[{"type":"t","id":"a","payload":1},{"type":"t","id":"a","payload":2},7]'],
    ["/batch", "[]"],
    ["/batch", '{"type":"t","payload":1}'],
  ])("answer the same to POST %s %s", async (path, body) => {
    await send("", '{"type":"t","id":"a","payload":1}', {});
    // A request with a Content-Encoding header, even `identity`, is served by Fastify and not by the fast lane
    // (fast-lane.ts). Both have to answer the same.
    expect(await send(path, body, {})).toEqual(await send(path, body, { "content-encoding": "identity" }));
  });
});
