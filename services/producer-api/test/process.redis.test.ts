import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import {
  freePort,
  type ServiceProcess,
  startFakeRedis,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterEach, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

function start(env: Record<string, string>): ServiceProcess {
  const service = startService(MAIN, env);
  cleanups.push(() => service.kill());
  return service;
}

async function redisWith(...args: string[]) {
  const redis = await startRedisServer(args);
  cleanups.push(() => redis.stop());
  return redis;
}

const ended = { code: 1, signal: null };

test("with a bad configuration, the service exits with 1 and lists every bad variable", async () => {
  const service = start({ PORT: "http", REDIS_PORT: "0", HOST: "127.0.0.1", QUEUE_PENDING: "x" });
  expect(await service.exit()).toEqual(ended);
  for (const part of ["PORT must be", "REDIS_PORT must be", "QUEUE_PENDING is not used", "QUEUE_PREFIX"]) {
    expect(service.output()).toContain(part);
  }
});

test("without keys, a service beyond loopback exits with 1 and says what to do; with a key it starts", async () => {
  const redis = await redisWith();
  const port = await freePort();
  const env = { HOST: "0.0.0.0", PORT: String(port), REDIS_URL: redis.url };
  const service = start(env);
  expect(await service.exit()).toEqual(ended);
  for (const part of ["holdfast key create", "API_KEYS_FILE", "HOST=127.0.0.1", "ALLOW_UNAUTHENTICATED=1"])
    expect(service.output()).toContain(part);

  const client = new Holdfast({ redis: redis.url });
  cleanups.push(() => client.close());
  const { key, text } = mintKey({ label: "ci", scopes: ["enqueue"] });
  await new KeyStore(client).add(key);
  const again = start(env);
  await again.says('"msg":"started"');
  const enqueue = async (headers: Record<string, string>) =>
    (
      await fetch(`http://127.0.0.1:${port}/v1/queues/trial/tasks`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: '{"type":"t","payload":1}',
      })
    ).status;
  expect(await enqueue({})).toBe(401);
  expect(await enqueue({ authorization: `Bearer ${text}` })).toBe(201);
  expect(again.output()).not.toContain(text.slice(-43));
});

test("a service beyond loopback refuses everybody until Redis answers", async () => {
  const redis = await redisWith();
  await redis.kill();
  const port = await freePort();
  const service = start({ HOST: "0.0.0.0", PORT: String(port), REDIS_URL: redis.url });
  await service.says("cannot reach Redis");
  const enqueue = async (headers: Record<string, string>) =>
    (
      await fetch(`http://127.0.0.1:${port}/v1/queues/trial/tasks`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: '{"type":"t","payload":1}',
      })
    ).status;
  expect(await enqueue({})).toBe(401);
  expect(await enqueue({ authorization: "Bearer hf_x_y" })).toBe(503);
});

test("if the port is busy, the service exits with 1 and names the holder of the port and the variable", async () => {
  const port = await freePort();
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => holder.close(resolve)));
  const service = start({ PORT: String(port) });
  expect(await service.exit()).toEqual(ended);
  expect(service.output()).toContain(`port ${port} is in use by`);
  expect(service.output()).toContain(`(pid ${process.pid})`);
  expect(service.output()).toContain("set PORT to a free port");
});

test("with an eviction policy that loses tasks, the service exits with 1 and says how to fix it", async () => {
  const redis = await redisWith("--maxmemory-policy", "allkeys-lru");
  const service = start({ PORT: String(await freePort()), REDIS_URL: redis.url });
  expect(await service.exit()).toEqual(ended);
  expect(service.output()).toContain("set it to noeviction");
});

test("with a Redis before 7.0, the service exits with 1", async () => {
  const redis = await startFakeRedis({ redis_version: "6.2.14", maxmemory_policy: "noeviction" });
  cleanups.push(() => redis.stop());
  const service = start({ PORT: String(await freePort()), REDIS_URL: redis.url });
  expect(await service.exit()).toEqual(ended);
  expect(service.output()).toContain("Redis 6.2.14 is too old");
});

test("if Redis is down at the start, the service says so, refuses tasks, and accepts them once Redis answers", async () => {
  const redis = await redisWith();
  await redis.kill();
  const port = await freePort();
  const service = start({ PORT: String(port), REDIS_URL: redis.url });
  await service.says(`cannot reach Redis at 127.0.0.1:${redis.port}: start it or set REDIS_URL`);
  const base = `http://127.0.0.1:${port}`;
  const enqueue = async () =>
    fetch(`${base}/v1/queues/trial/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"type":"t","payload":1}',
    });
  expect((await fetch(`${base}/livez`)).status).toBe(200);
  expect((await fetch(`${base}/readyz`)).status).toBe(503);
  const refused = await enqueue();
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
  await redis.start();
  await until("the service is ready", async () => (await fetch(`${base}/readyz`)).status === 200, 15_000);
  expect((await enqueue()).status).toBe(201);
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
}, 40_000);

test("SIGTERM ends a service that waits for Redis with code 0", async () => {
  const redis = await redisWith();
  await redis.kill();
  const service = start({ PORT: String(await freePort()), REDIS_URL: redis.url });
  await service.says("cannot reach Redis");
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
});
