import { fileURLToPath } from "node:url";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { Queue } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const services: ServiceProcess[] = [];
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.kill()));
});
afterAll(() => redis?.stop());

async function setup(env: Record<string, string> = {}) {
  const port = await freePort();
  const service = startService(MAIN, {
    REDIS_URL: redis.url,
    METRICS_PORT: String(port),
    SWEEP_INTERVAL_MS: "100",
    AUDIT_INTERVAL_MS: "1000",
    ...env,
  });
  services.push(service);
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return { service, status, metrics };
}

test("moves a due task to pending, audits its queue, and ends with 0 on SIGTERM", async () => {
  const { service, status, metrics } = await setup();
  await service.says("janitor is running");
  const queue = new Queue("trial", { redis: redis.url });
  const { id, state } = await queue.enqueue("t", 1, { delayMs: 200 });
  expect(state).toBe("scheduled");
  await until("the task is pending", async () => (await queue.get(id))?.state === "pending");
  await queue.close();
  await until("the janitor is ready", async () => (await status("/readyz")) === 200);
  await until("the audit is reported", async () =>
    (await metrics()).includes('holdfast_audit_violations{queue="trial",invariant="I1"} 0'),
  );
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
});

test("is not ready while Redis is down, and sweeps again afterwards", async () => {
  const { service, status } = await setup();
  await service.says("janitor is running");
  await until("the janitor is ready", async () => (await status("/readyz")) === 200);
  await redis.kill();
  await until("the janitor is not ready", async () => (await status("/readyz")) === 503);
  expect(await status("/livez")).toBe(200);
  await redis.start();
  const queue = new Queue("later", { redis: redis.url });
  const { id } = await queue.enqueue("t", 1, { delayMs: 100 });
  await until("the task is pending", async () => (await queue.get(id))?.state === "pending", 20_000);
  await until("the janitor is ready again", async () => (await status("/readyz")) === 200, 20_000);
  await queue.close();
}, 60_000);

test("with a bad configuration, the service exits with 1 and lists every bad variable", async () => {
  const { service } = await setup({ SWEEP_INTERVAL_MS: "-1", AUDIT_INTERVAL_MS: "soon" });
  expect(await service.exit()).toEqual({ code: 1, signal: null });
  expect(service.output()).toMatch(/SWEEP_INTERVAL_MS must be[\s\S]*AUDIT_INTERVAL_MS must be/);
});
