import { execFileSync } from "node:child_process";
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

async function start(name: string, env: Record<string, string>) {
  const METRICS_PORT = String(await freePort());
  const service = startService(MAIN, {
    REDIS_URL: redis.url,
    QUEUES: name,
    METRICS_PORT,
    HANDLER_ISOLATION: "process",
    ...env,
  });
  services.push(service);
  return service;
}

const childrenOf = (pid: number | undefined) =>
  execFileSync("ps", ["-e", "-o", "pid=,ppid="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child as number);
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test("a handler that kills its process ends only its own attempt, and the worker leaves no process behind", async () => {
  const service = await start("isolated", {
    MAX_RETRIES: "1",
    BACKOFF_BASE_MS: "10",
    SHUTDOWN_GRACE_MS: "100",
    HANDLER_PROCESSES: "2",
  });
  await service.says("worker is running");
  expect(service.output()).toContain('"slots":2');
  const queue = new Queue("isolated", { redis: redis.url });
  const crash = await queue.enqueue("demo.crash", {});
  const echo = await queue.enqueue("demo.echo", { n: 1 });
  expect(await queue.result(echo.id)).toMatchObject({
    state: "completed",
    resultText: '{"n":1}',
    attempts: 1,
  });
  expect(await queue.result(crash.id)).toMatchObject({
    state: "dead",
    attempts: 2,
    crashes: 0,
    lastError: expect.stringMatching(/^HandlerKilled: its process ended by SIGKILL/),
  });
  const { id } = await queue.enqueue("demo.cpu", { ms: 600_000 });
  await until("the task runs", async () => (await queue.get(id))?.state === "processing");
  await until("the worker has a child process", () => childrenOf(service.child.pid).length > 0);
  const children = childrenOf(service.child.pid);
  service.child.kill("SIGTERM");
  expect(await service.exit()).toEqual({ code: 0, signal: null });
  expect(children.filter(alive)).toEqual([]);
  expect(await queue.get(id)).toMatchObject({ state: "pending", attempts: 0, releases: 1 });
  await queue.close();
});

test("handlers of a folder load in the children, and a bad module ends the start with one line and exit code 1", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-handlers-"));
  writeFileSync(join(folder, "hello.mjs"), "export default (task) => 'hello ' + task.payload;");
  const service = await start("isolated-folder", { HANDLERS: folder });
  await service.says("worker is running");
  const queue = new Queue("isolated-folder", { redis: redis.url });
  const { id } = await queue.enqueue("hello", "world");
  expect((await queue.result(id))?.resultText).toBe('"hello world"');
  await queue.close();

  writeFileSync(join(folder, "broken.mjs"), "import 'not-installed-package';");
  const bad = await start("isolated-folder", { HANDLERS: folder });
  expect(await bad.exit()).toEqual({ code: 1, signal: null });
  expect(bad.output().trim().split("\n")).toHaveLength(1);
  expect(bad.output()).toContain("broken.mjs does not load");
});
