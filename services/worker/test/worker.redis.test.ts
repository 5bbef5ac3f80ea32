import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const services: ServiceProcess[] = [];
let redis: RedisServer;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.kill()));
});
afterAll(() => redis?.stop());

async function setup(env: Record<string, string> = {}) {
  const name = `trial-${++queues}`;
  const port = await freePort();
  const service = startService(MAIN, {
    REDIS_URL: redis.url,
    QUEUES: name,
    METRICS_PORT: String(port),
    ...env,
  });
  services.push(service);
  const status = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  const metrics = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return { name, service, status, metrics };
}

test("runs tasks, reports them, and ends with 0 on SIGTERM", async () => {
  const { name, service, status, metrics } = await setup();
  await service.says("worker is running");
  const queue = new Queue(name, { redis: redis.url });
  const { id } = await queue.enqueue("demo.echo", { a: 1 });
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({
    state: "completed",
    resultText: '{"a":1}',
    attempts: 1,
  });
  await queue.close();
  expect(await status("/readyz")).toBe(200);
  await until("the attempt is counted", async () =>
    (await metrics()).includes(
      `holdfast_task_attempts_total{queue="${name}",type="demo.echo",outcome="acked"} 1`,
    ),
  );
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
});

test("on SIGTERM, a running task may finish within the grace period", async () => {
  const { name, service } = await setup({ SHUTDOWN_GRACE_MS: "10000" });
  const queue = new Queue(name, { redis: redis.url });
  const { id } = await queue.enqueue("demo.sleep", { ms: 700 });
  await until("the task runs", async () => (await queue.get(id))?.state === "processing");
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
  expect(await queue.get(id)).toMatchObject({ state: "completed", attempts: 1 });
  await queue.close();
});

test("a task that runs longer than the grace period is released without using an attempt", async () => {
  const { name, service } = await setup({ SHUTDOWN_GRACE_MS: "100" });
  const queue = new Queue(name, { redis: redis.url });
  const { id } = await queue.enqueue("demo.sleep", { ms: 60_000 });
  await until("the task runs", async () => (await queue.get(id))?.state === "processing");
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
  expect(await queue.get(id)).toMatchObject({ state: "pending", attempts: 0, releases: 1 });
  await queue.close();
});

test("a second signal ends the worker at once", async () => {
  const { name, service } = await setup({ SHUTDOWN_GRACE_MS: "60000" });
  const queue = new Queue(name, { redis: redis.url });
  const { id } = await queue.enqueue("demo.sleep", { ms: 60_000 });
  await until("the task runs", async () => (await queue.get(id))?.state === "processing");
  service.child.kill("SIGTERM");
  await service.says("stopping");
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 143, signal: null });
  await queue.close();
});

test("handlers come from a module, and a bad module ends the start with one line and exit code 1", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-handlers-"));
  writeFileSync(join(folder, "hello.mjs"), "export default (task) => 'hello ' + task.payload;");
  const { name, service } = await setup({ HANDLERS: folder });
  await service.says("worker is running");
  const queue = new Queue(name, { redis: redis.url });
  const { id } = await queue.enqueue("hello", "world");
  expect((await queue.result(id, { waitMs: 10_000 }))?.resultText).toBe('"hello world"');
  await queue.close();

  writeFileSync(join(folder, "broken.mjs"), "import 'not-installed-package';");
  const bad = await setup({ HANDLERS: folder });
  expect(await bad.service.exit()).toEqual({ code: 1, signal: null });
  expect(bad.service.output().trim().split("\n")).toHaveLength(1);
  expect(bad.service.output()).toContain("broken.mjs does not load");
});

test("a worker exits with 1 if its heartbeat thread ends or cannot start", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-threads-"));
  const preload = fileURLToPath(
    new URL("../../../packages/holdfast/test/heartbeat/preload.cjs", import.meta.url),
  );
  const end = join(folder, "end");
  const withThreads = (fate: string) =>
    setup({
      NODE_OPTIONS: `--require ${preload}`,
      THREAD_FATE: fate,
      THREAD_COUNT: join(folder, `count-${++queues}`),
      THREAD_END: end,
    });
  const lost = await withThreads("end");
  await lost.service.says("worker is running");
  writeFileSync(end, "");
  expect(await lost.service.exit(30_000)).toEqual({ code: 1, signal: null });
  expect(lost.service.output()).toContain("the heartbeat thread was lost");

  const none = await withThreads("throw");
  expect(await none.service.exit(30_000)).toEqual({ code: 1, signal: null });
  expect(none.service.output()).toContain("a preload that fails in threads");
  expect(none.service.output()).not.toContain("worker is running");
});

test("a worker is not ready while Redis is away, stays alive, and works again afterwards", async () => {
  const { name, service, status } = await setup();
  await service.says("worker is running");
  await until("the worker is ready", async () => (await status("/readyz")) === 200);
  await redis.kill();
  await until("the worker is not ready", async () => (await status("/readyz")) === 503);
  expect(await status("/livez")).toBe(200);
  await redis.start();
  await until("the worker is ready again", async () => (await status("/readyz")) === 200, 20_000);
  const queue = new Queue(name, { redis: redis.url });
  const { id } = await queue.enqueue("demo.echo", 1);
  expect((await queue.result(id, { waitMs: 15_000 }))?.state).toBe("completed");
  await queue.close();
}, 60_000);

test("a worker process drains and resumes on the command of an operator, and a running task ends first", async () => {
  const { name, service, status } = await setup({ WORKER_CONCURRENCY: "2" });
  await service.says("worker is running");
  const client = new Holdfast({ redis: redis.url });
  const observer = new Observer({ client });
  const queue = new Queue(name, { client });
  try {
    const of = async () =>
      (await observer.workers({ tasks: true })).find((worker) => worker.queues.includes(name));
    await queue.enqueue("demo.sleep", { ms: 3_500 }, { id: "long" });
    await until("the running task is shown", async () => (await of())?.tasks?.[0]?.id === "long");
    const { id = "" } = (await of()) ?? {};
    await observer.drainWorker(id);
    await service.says("an operator told this worker to drain");
    await queue.enqueue("demo.echo", 1, { id: "waits" });
    await until("the worker is drained", async () => (await of())?.state === "drained", 20_000);
    expect((await queue.get("long"))?.state).toBe("completed");
    expect((await queue.get("waits"))?.state).toBe("pending");
    expect(await status("/readyz")).toBe(200);
    await observer.resumeWorker(id);
    expect(await queue.result("waits", { waitMs: 10_000 })).toMatchObject({
      state: "completed",
      attempts: 1,
    });
  } finally {
    await client.close();
  }
}, 40_000);
