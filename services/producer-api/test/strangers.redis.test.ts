import { connect, type Socket } from "node:net";
import { createLogger, loadConfig } from "@holdfast/service";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let client: Holdfast;
let port: number;
const { key, text } = mintKey({ label: "producer", scopes: ["enqueue"] });
const sockets: Socket[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  await new KeyStore(client).add(key);
  port = await freePort();
  const config = loadConfig(configSchema, {
    PORT: String(port),
    REDIS_URL: redis.url,
    LOG_LEVEL: "silent",
    CONNECTIONS_PER_ADDRESS: "200",
  });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await app?.stop();
  await client?.close();
  await redis?.stop();
});

function stranger(head: string) {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  sockets.push(socket);
  const seen = { text: "", isOver: false };
  socket.on("data", (chunk) => {
    seen.text += String(chunk);
  });
  socket.on("error", () => {});
  const end = () => {
    seen.isOver = true;
  };
  socket.on("end", end).on("close", end);
  socket.write(
    `${head}Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n[`,
  );
  return seen;
}

test("strangers who send slowly do not take the places of callers with a key", async () => {
  const heads = ["POST /v1/queues/q/tasks/batch", "POST /v1/queues/q/tasks", "POST /nothing", "GET /livez"];
  const crowd = Array.from({ length: 400 }, (_, at) => stranger(`${heads[at % 4]} HTTP/1.1\r\n`));
  await until("all strangers are answered", () => crowd.every(({ isOver }) => isOver), 20_000);
  const answers = new Set(crowd.map((seen) => seen.text.slice(9, 12)));
  expect([...answers].sort()).toEqual(["", "200", "401", "404", "429"]);
  const enqueued = await fetch(`http://127.0.0.1:${port}/v1/queues/q/tasks`, {
    method: "POST",
    headers: { authorization: `Bearer ${text}`, "content-type": "application/json" },
    body: '{"type":"t","payload":1}',
  });
  expect(enqueued.status).toBe(201);
}, 60_000);

test("a request with a whole body gets its 401, although nobody reads the body", async () => {
  const body = Buffer.alloc(4_000_000, " ");
  for (let turn = 0; turn < 5; turn++) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/queues/q/tasks/batch`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: "unauthorized" }]);
  }
});
