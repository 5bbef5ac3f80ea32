import { type ClientRequest, request as httpRequest } from "node:http";
import { createLogger, loadConfig } from "@holdfast/service";
import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let client: Holdfast;
let observer: Observer;
let port: number;
const requests: ClientRequest[] = [];

async function serve(): Promise<App> {
  port = await freePort();
  const config = loadConfig(configSchema, { PORT: String(port), REDIS_URL: redis.url, LOG_LEVEL: "silent" });
  const started = await startApp(
    config,
    "test",
    createLogger(config, "producer-api"),
    new AbortController().signal,
  );
  await started.opened;
  return started;
}

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  observer = new Observer({ client });
  await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
  app = await serve();
});
afterEach(() => {
  for (const request of requests.splice(0)) request.destroy();
});
afterAll(async () => {
  await app?.stop();
  await client?.close();
  await redis?.stop();
});

async function keyOf(spec: Partial<NewKey> = {}) {
  const { key, text } = mintKey({ label: "test", scopes: ["read"], ...spec });
  await new KeyStore(client).add(key);
  const known = () =>
    fetch(`http://127.0.0.1:${port}/v1/queues/none/tasks/x`, {
      headers: { authorization: `Bearer ${text}` },
    });
  await until("the service knows the key", async () => (await known()).status !== 401, 5_000);
  return { id: key.id, text };
}

function open(path: string, key: string, headers: Record<string, string> = {}) {
  const request = httpRequest({
    ...{ port, host: "127.0.0.1", path: `/v1/queues/${path}` },
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  requests.push(request);
  const seen = { status: 0, type: "", text: "", isOver: false };
  request.on("error", () => {
    seen.isOver = true;
  });
  request.on("response", (response) => {
    seen.status = response.statusCode ?? 0;
    seen.type = response.headers["content-type"] ?? "";
    response.on("data", (chunk) => {
      seen.text += String(chunk);
    });
    response.on("close", () => {
      seen.isOver = true;
    });
    response.on("error", () => {});
  });
  request.end();
  return { request, seen };
}

async function queueWithEvents(name: string): Promise<Queue> {
  await observer.configure(name, { maxEvents: 1_000 });
  return new Queue(name, { client });
}

test("events come as Server-Sent Events, and continue after Last-Event-ID", async () => {
  const queue = await queueWithEvents("sse");
  const { text: key } = await keyOf();
  const { seen } = open("sse/events", key);
  await until("the stream is open", () => /^: events\nid: \S+\n\n/.test(seen.text));
  expect([seen.status, seen.type]).toEqual([200, "text/event-stream; charset=utf-8"]);
  const [, begin] = /id: (\S+)/.exec(seen.text) ?? [];
  await queue.enqueue("t", 1, { id: "a" });
  await until("the event has arrived", () => seen.text.includes("data: "));
  const [, name, id, data] = /event: (.*)\nid: (.*)\ndata: (.*)\n\n$/.exec(seen.text) ?? [];
  expect(name).toBe("enqueued");
  expect(JSON.parse(data ?? "")).toEqual({
    ...{ type: "enqueued", queue: "sse", id: "a", cursor: id },
    at: expect.any(Number),
  });

  await queue.enqueue("t", 1, { id: "b" });
  await queue.cancel("b");
  const again = open("sse/events?types=cancelled,dead", key, { "last-event-id": id ?? "" });
  await until("the next event has arrived", () => again.seen.text.includes("data: "));
  expect(again.seen.text).toMatch(
    /^: events\nid: \S+\n\nevent: cancelled\nid: \S+\ndata: \{"type":"cancelled"/,
  );

  // A client may lose the connection before its first event. It then has the id with which the stream began.
  const late = open("sse/events?types=enqueued", key, { "last-event-id": begin ?? "" });
  await until(
    "the events of both tasks have arrived",
    () => late.seen.text.split("event: enqueued").length === 3,
  );
});

test("events come as JSON lines if the client asks for them", async () => {
  const queue = await queueWithEvents("lines");
  await queue.enqueue("t", 1, { id: "a" });
  await queue.cancel("a");
  const { text: key } = await keyOf();
  const { seen } = open("lines/events?after=0", key, { accept: "application/x-ndjson" });
  await until("both events have arrived", () => seen.text.split("\n").length === 3);
  expect(seen.type).toBe("application/x-ndjson; charset=utf-8");
  const lines = seen.text.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).type)).toEqual(["enqueued", "cancelled"]);
});

test("an invalid request is refused before the stream begins, and the error names its field", async () => {
  await queueWithEvents("checked");
  const { text: key } = await keyOf();
  const get = async (path: string, use = key) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/queues/${path}`, {
      headers: { authorization: `Bearer ${use}` },
    });
    return { status: response.status, ...((await response.json()) as { code: string; detail: string }) };
  };
  expect(await get("checked/events?types=ended")).toMatchObject({
    status: 400,
    detail: expect.stringContaining("types has to be some of waiting"),
  });
  expect(await get("checked/events?after=zz~")).toMatchObject({ status: 400, code: "invalid_cursor" });
  expect(await get("checked/events?from=1")).toMatchObject({ status: 400 });
  expect(await get("off/events")).toMatchObject({ status: 409, code: "events_off" });
  const { text: others } = await keyOf({ queues: ["mine"] });
  expect(await get("checked/events", others)).toMatchObject({ status: 403 });
  const { text: writer } = await keyOf({ scopes: ["enqueue"] });
  expect(await get("checked/events", writer)).toMatchObject({ status: 403 });
});

test("a stream ends when its key is revoked, when the queue keeps no more events, and when the server stops", async () => {
  await queueWithEvents("ends");
  const { id, text } = await keyOf();
  const revoked = open("ends/events", text);
  await until("the stream is open", () => revoked.seen.status === 200);
  await new KeyStore(client).revoke(id);
  await until("the stream ends", () => revoked.seen.isOver, 10_000);
  expect(revoked.seen.text).toContain('event: error\ndata: {"type":"error","code":"unauthorized"');

  const { text: key } = await keyOf();
  const off = open("ends/events", key);
  await until("the stream is open", () => off.seen.status === 200);
  await observer.configure("ends", { maxEvents: 0 });
  await until("the stream ends", () => off.seen.isOver, 10_000);
  expect(off.seen.text).toContain('"code":"events_off"');

  await queueWithEvents("ends");
  const last = open("ends/events", key);
  await until("the stream is open", () => last.seen.status === 200);
  await app.stop();
  await until("the stream ends", () => last.seen.isOver, 10_000);
  expect(last.seen.text).not.toContain("event: error");
  app = await serve();
});
