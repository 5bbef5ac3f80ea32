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
let base: string;

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  const port = await freePort();
  base = `http://127.0.0.1:${port}/v1/queues/q/tasks`;
  const config = loadConfig(configSchema, {
    PORT: String(port),
    REDIS_URL: redis.url,
    LOG_LEVEL: "silent",
    // The bucket refills so slowly that no token returns during a test.
    RATE_LIMIT_PER_SECOND: "0.01",
    RATE_LIMIT_BURST: "3",
  });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
});
afterAll(async () => {
  await app?.stop();
  await client?.close();
  await redis?.stop();
});

const enqueue = (headers: Record<string, string> = {}) =>
  fetch(base, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: '{"type":"t","payload":1}',
  });
const get = (headers: Record<string, string> = {}) => fetch(`${base}/nothing`, { headers });

test("the fast lane and Fastify share one bucket per address and per key, and further requests get 429 with Retry-After", async () => {
  // The fast lane (the quick path for enqueues) serves the first and the last request, and Fastify the second.
  const answers = [await enqueue(), await get(), await enqueue()];
  expect(answers.map(({ status }) => status)).toEqual([201, 404, 201]);
  expect(answers.map(({ headers }) => headers.get("ratelimit-remaining"))).toEqual(["2", "1", "0"]);
  expect(answers.map(({ headers }) => headers.get("ratelimit-limit"))).toEqual(["3", "3", "3"]);
  for (const refused of [await enqueue(), await get()]) {
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
    expect(refused.headers.get("ratelimit-remaining")).toBe("0");
    expect(await refused.json()).toMatchObject({ code: "rate_limited" });
  }
  // Requests for health and metrics are never limited.
  const { origin } = new URL(base);
  for (let turn = 0; turn < 10; turn++) expect((await fetch(`${origin}/livez`)).status).toBe(200);

  const [one, two] = [1, 2].map((n) => mintKey({ label: `key ${n}`, scopes: ["admin"] }));
  if (!one || !two) throw new Error("no keys");
  await new KeyStore(client).add(one.key);
  await new KeyStore(client).add(two.key);
  const as = (text: string) => ({ authorization: `Bearer ${text}` });
  // The address has used up its tokens, so the answer is 429 and not 401.
  await until("the keys are known", async () => (await enqueue(as(two.text))).status === 201);
  const seen: number[] = [];
  for (let turn = 0; turn < 5; turn++) seen.push((await enqueue(as(one.text))).status);
  expect(seen).toEqual([201, 201, 201, 429, 429]);
  expect((await enqueue(as(two.text))).status).toBe(201);
  expect((await enqueue()).status).toBe(429);
});
