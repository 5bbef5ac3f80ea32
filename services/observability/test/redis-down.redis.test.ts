import type { StreamMessage } from "@holdfast/contracts/api";
import { until } from "@holdfast/testing";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Running, startRunning } from "./running.ts";

let running: Running | undefined;
afterEach(async () => running?.stop());

test("while Redis is down, the API, the stream and the readiness say so, and later recover", async () => {
  running = await startRunning();
  const { call, redis, port } = running;
  const isReady = async () => (await call("GET", "/readyz")).status === 200;
  await until("the service is ready", isReady);
  await call("POST", "/v1/queues/q/tasks", { type: "t", payload: 1 });
  const frames: StreamMessage[] = [];
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`);
  socket.on("message", (data) => frames.push(JSON.parse(String(data)) as StreamMessage));
  await until("the stream shows the queue", () => frames.at(-1)?.queues[0]?.pending === 1);

  await redis.kill();
  await until("the stream says down", () => frames.at(-1)?.redisUp === false);
  expect(frames.at(-1)?.queues[0]?.pending).toBe(1);
  await until("the service is not ready", async () => !(await isReady()));
  const refused = await call("POST", "/v1/queues/q/pause");
  expect(refused.status).toBe(503);
  expect(refused.headers.get("content-type")).toContain("application/problem+json");
  expect((await call("GET", "/livez")).status).toBe(200);
  expect((await call("GET", "/metrics")).text).toContain("holdfast_redis_up 0");
  expect((await call("GET", "/metrics")).text).not.toContain('holdfast_queue_tasks{queue="q"');

  await redis.start();
  await until("the stream says up", () => frames.at(-1)?.redisUp === true, 15_000);
  await until("the service is ready again", isReady, 15_000);
  const created = await call("POST", "/v1/queues/q/tasks", { type: "t", payload: 1 });
  expect(created.status).toBe(201);
  socket.terminate();
}, 60_000);

test("a Redis that may lose tasks is refused, and the error says what to change", async () => {
  running = await startRunning({ redisArgs: ["--maxmemory-policy", "allkeys-lru"] });
  const { fatal } = running;
  await until("the boot checks have failed", () => fatal.length > 0);
  expect(String(fatal[0])).toContain("noeviction");
  expect((await running.call("POST", "/v1/queues/q/tasks", { type: "t", payload: 1 })).status).toBe(503);
});
