import { createLogger, loadConfig } from "@holdfast/service";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
const apps: App[] = [];
let client: Holdfast;
const ports: number[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
  for (let n = 0; n < 2; n++) {
    const port = await freePort();
    const config = loadConfig(configSchema, {
      PORT: String(port),
      REDIS_URL: redis.url,
      LOG_LEVEL: "silent",
      QUEUES_PER_KEY: "3",
    });
    const logger = createLogger(config, "producer-api");
    const app = await startApp(config, "test", logger, new AbortController().signal);
    apps.push(app);
    ports.push(port);
    await app.opened;
  }
});
afterAll(async () => {
  for (const app of apps) await app.stop();
  await client?.close();
  await redis?.stop();
});

async function newKey() {
  const { key, text } = mintKey({ label: "test", scopes: ["enqueue"] });
  await new KeyStore(client).add(key);
  const send = (queue: string, at = 0, path = "", body = '{"type":"t","payload":1}', headers = {}) =>
    fetch(`http://127.0.0.1:${ports[at]}/v1/queues/${queue}/tasks${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${text}`, "content-type": "application/json", ...headers },
      body,
    });
  for (const at of [0, 1])
    await until(
      "the service knows the key",
      async () => (await send("x", at, "", "no")).status !== 401,
      5_000,
    );
  return send;
}

const TASK = '{"type":"t","payload":1}';
/**
 * Every way to enqueue: through the fast lane (the quick path for single tasks and batches), through Fastify, as
 * lines, and as a flow.
 */
const WAYS: [string, string, string, Record<string, string>][] = [
  ["one task", "", TASK, {}],
  ["one task, through Fastify", "", TASK, { "content-encoding": "identity" }],
  ["a batch", "/batch", `[${TASK}]`, {}],
  ["lines", "/batch", `${TASK}\n`, { "content-type": "application/x-ndjson" }],
  [
    "lines, with an answer in lines",
    "/batch",
    `${TASK}\n`,
    { "content-type": "application/x-ndjson", accept: "application/x-ndjson" },
  ],
  ["a flow", "/../flows", '{"nodes":[]}', {}],
  ["a flow as lines", "/../flows", "{}", { "content-type": "application/x-ndjson" }],
];

test("a key can create QUEUES_PER_KEY queues in all processes together, with every way to enqueue, and use all existing queues", async () => {
  await new Queue("shared", { client }).enqueue("t", 1);
  const send = await newKey();
  // A request that stores nothing creates no queue.
  expect((await send("invalid", 0, "", '{"type":1}')).status).toBe(422);
  expect((await send("invalid", 0, "/batch", '[{"type":1}]')).status).toBe(207);
  expect((await send("invalid", 0, "/../flows", '{"nodes":[{"type":1}]}')).status).toBe(422);
  const made = [await send("one", 0), await send("two", 1), await send("three", 0)];
  expect(made.map(({ status }) => status)).toEqual([201, 201, 201]);
  for (const [name, path, body, headers] of WAYS) {
    for (const at of [0, 1]) {
      const refused = await send("four", at, path, body, headers);
      expect([name, refused.status, refused.headers.get("retry-after")]).toEqual([name, 429, "60"]);
      expect(refused.headers.get("content-type")).toContain("application/problem+json");
      expect(await refused.json()).toMatchObject({
        code: "rate_limited",
        detail: expect.stringMatching(/has made 3 queues.*QUEUES_PER_KEY/),
      });
      for (const queue of ["shared", "one", "two"]) {
        const { status } = await send(queue, at, path, body, headers);
        expect([name, queue, status]).toEqual([name, queue, path === "/batch" ? 207 : 201]);
      }
    }
  }
  const observer = new Observer({ client });
  expect(await observer.queues()).toEqual(["one", "shared", "three", "two"]);
  // Another key creates the queue. After that the first key may use it.
  const other = await newKey();
  expect((await other("four")).status).toBe(201);
  expect((await send("four")).status).toBe(201);
  // When one of its queues is deleted, the key may create another one.
  expect((await send("five")).status).toBe(429);
  await observer.pause("one");
  await observer.deleteQueue("one");
  expect((await send("five")).status).toBe(201);
  expect((await send("six")).status).toBe(429);
});

test("queues that the library creates are not counted", async () => {
  for (let n = 0; n < 6; n++) await new Queue(`library-${n}`, { client }).enqueue("t", 1);
  expect((await (await newKey())("mine")).status).toBe(201);
});
