import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { createLogger, loadConfig } from "@holdfast/service";
import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

// These tests make long requests. Each request has to end when its key is revoked.

let redis: RedisServer;
let app: App;
let client: Holdfast;
let port: number;
const requests: ClientRequest[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
  port = await freePort();
  const config = loadConfig(configSchema, { PORT: String(port), REDIS_URL: redis.url, LOG_LEVEL: "silent" });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
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
  const { key, text } = mintKey({ label: "test", scopes: ["enqueue", "read"], ...spec });
  await new KeyStore(client).add(key);
  const known = () =>
    fetch(`http://127.0.0.1:${port}/v1/queues/none/tasks/x`, {
      headers: { authorization: `Bearer ${text}` },
    });
  await until("the service knows the key", async () => (await known()).status === 404, 5_000);
  return { id: key.id, text };
}

function open(method: string, path: string, key: string, headers: Record<string, string> = {}) {
  const request = httpRequest({
    ...{ port, host: "127.0.0.1", method, path: `/v1/queues/${path}` },
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  requests.push(request);
  const seen = { status: 0, text: "", isOver: false };
  request.on("error", () => {
    seen.isOver = true;
  });
  request.on("response", (response: IncomingMessage) => {
    seen.status = response.statusCode ?? 0;
    response.on("data", (chunk) => {
      seen.text += String(chunk);
    });
    response.on("close", () => {
      seen.isOver = true;
    });
    response.on("error", () => {});
  });
  return { request, seen };
}

const LINES = { "content-type": "application/x-ndjson" };
const line = (n: number, padding = "") => `${JSON.stringify({ type: "t", payload: { n, padding } })}\n`;
const stored = async (queue: string) => (await new Observer({ client }).stats(queue)).pending;

test("an open upload of lines ends with a 401, also while it sends nothing", async () => {
  const { id, text } = await keyOf();
  const { request, seen } = open("POST", "idle/tasks/batch", text, {
    ...LINES,
    accept: "application/x-ndjson",
  });
  request.write(line(1) + line(2));
  await until("the first tasks are stored", () => seen.text.split("\n").length === 3);
  await new KeyStore(client).revoke(id);
  await until("the last line says why the answer ends", () => seen.text.includes('"status":401'), 5_000);
  await until("the connection is closed", () => seen.isOver, 10_000);
  const results = seen.text
    .trim()
    .split("\n")
    .map((result) => JSON.parse(result));
  expect(results).toMatchObject([{ status: 201 }, { status: 201 }, { status: 401, code: "unauthorized" }]);
});

test("after its key is revoked, an upload that continues to send stores nothing more", async () => {
  const { id, text } = await keyOf();
  const { request, seen } = open("POST", "busy/tasks/batch", text, {
    ...LINES,
    accept: "application/x-ndjson",
  });
  let sent = 0;
  const sending = setInterval(() => request.write(line(sent++)), 10);
  try {
    await until("some tasks are stored", () => seen.text.includes('"status":201'));
    await new KeyStore(client).revoke(id);
    await until("the last line says why the answer ends", () => seen.text.includes('"status":401'), 5_000);
    const then = sent;
    await until("the connection is closed, although more was sent", () => seen.isOver && sent > then, 10_000);
  } finally {
    clearInterval(sending);
  }
  const results = seen.text
    .trim()
    .split("\n")
    .map((result) => JSON.parse(result).status);
  expect(results.filter((status) => status !== 201)).toEqual([401]);
  expect(await stored("busy")).toBe(results.length - 1);
});

test("an upload with one JSON answer has the revocation as its last result", async () => {
  const { id, text } = await keyOf();
  const { request, seen } = open("POST", "whole/tasks/batch", text, LINES);
  // The answer begins once a second block of 256 KB has arrived.
  const block = Array.from({ length: 300 }, (_, n) => line(n, "x".repeat(1_000))).join("");
  request.write(block + block);
  await until("the answer has begun", () => seen.text.includes('"status":201'));
  await new KeyStore(client).revoke(id);
  await until("the answer ends", () => seen.text.endsWith('"failed":1}'), 10_000);
  const answer = JSON.parse(seen.text);
  expect(answer).toMatchObject({ accepted: await stored("whole"), duplicates: 0, failed: 1 });
  expect(answer.results.at(-1)).toMatchObject({ status: 401, code: "unauthorized" });
  await until("the connection is closed", () => seen.isOver, 10_000);
});

test("an upload that has not sent its first line yet gets the status 401", async () => {
  const { id, text } = await keyOf();
  const { request, seen } = open("POST", "late/tasks/batch", text, LINES);
  request.write(line(1));
  await new KeyStore(client).revoke(id);
  await until("the request is refused", () => seen.status === 401, 5_000);
  await until("the answer names the reason", () => seen.text.includes('"code":"unauthorized"'));
  await expect(stored("late")).rejects.toMatchObject({ code: "queue_not_found" });
});

test.each(["revoked", "expired"])("a long poll ends with 401 when its key is %s", async (how) => {
  const { id, text } = await keyOf(how === "expired" ? { expiresAt: Date.now() + 3_000 } : {});
  const enqueued = await fetch(`http://127.0.0.1:${port}/v1/queues/polled/tasks`, {
    method: "POST",
    headers: { authorization: `Bearer ${text}`, "content-type": "application/json" },
    body: '{"type":"t","payload":1}',
  });
  const { id: taskId } = (await enqueued.json()) as { id: string };
  const started = performance.now();
  const { request, seen } = open("GET", `polled/tasks/${taskId}?waitMs=30000`, text);
  request.end();
  if (how === "revoked") await new KeyStore(client).revoke(id);
  await until("the connection is closed", () => seen.isOver, 15_000);
  expect([seen.status, JSON.parse(seen.text).code]).toEqual([401, "unauthorized"]);
  expect(performance.now() - started).toBeLessThan(20_000);
});

test.each([
  ["the fast lane", {}],
  ["the framework", { "content-encoding": "identity" }],
])("a slow body is refused if its key is revoked meanwhile: %s", async (_way, headers) => {
  const { id, text } = await keyOf();
  const queue = `slow-${id}`;
  const body = '{"type":"t","payload":1}';
  const { request, seen } = open("POST", `${queue}/tasks`, text, {
    ...{ "content-type": "application/json", "content-length": String(body.length) },
    ...headers,
  });
  request.write(body.slice(0, 5));
  await new KeyStore(client).revoke(id);
  const refused = () =>
    fetch(`http://127.0.0.1:${port}/v1/queues/q/tasks/x`, { headers: { authorization: `Bearer ${text}` } });
  await until("the key is revoked", async () => (await refused()).status === 401, 5_000);
  // Access is checked again only if the body took longer than a second to arrive.
  const started = performance.now();
  await until("a second has passed", () => performance.now() - started > 1_100);
  request.end(body.slice(5));
  await until("the request is refused", () => seen.status === 401, 5_000);
  await expect(stored(queue)).rejects.toMatchObject({ code: "queue_not_found" });
});
