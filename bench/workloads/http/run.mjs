// Runs one server under one load. The server and the load generator are separate processes.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { Redis } from "ioredis";
import { dropKeys, printResult, readArgs } from "../shared/children.mjs";

const { url, system, connections, batch, seconds } = readArgs();
const WARM_SECONDS = 1;
const prefix = `http-${process.pid}`;
const fileOf = (path) => fileURLToPath(new URL(path, import.meta.url));
const SERVERS = {
  holdfast: fileOf("../../../services/producer-api/dist/main.js"),
  "bare-fastify": fileOf("bare-fastify.mjs"),
};

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, "127.0.0.1", () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});
const probe = ["--import", fileOf("cpu-probe.mjs")];
const server = spawn(process.execPath, [...process.execArgv, ...probe, SERVERS[system]], {
  env: { ...process.env, PORT: String(port), REDIS_URL: url, QUEUE_PREFIX: prefix, LOG_LEVEL: "info" },
  stdio: ["ignore", "ignore", "inherit", "ipc"],
});
const ended = new Promise((resolve) => server.once("exit", resolve));

const cpuMicros = () =>
  new Promise((resolve) => {
    // A service also sends the message "ready" on this channel. That message has no `cpuMicros`.
    const onMessage = (message) => {
      if (message?.cpuMicros === undefined) return;
      server.off("message", onMessage);
      resolve(message.cpuMicros);
    };
    server.on("message", onMessage);
    server.send("cpu");
  });

const base = `http://127.0.0.1:${port}`;
const deadline = Date.now() + 10_000;
while (
  !(await fetch(`${base}/readyz`).then(
    (response) => response.ok,
    () => false,
  ))
) {
  if (server.exitCode !== null || Date.now() > deadline) throw new Error(`${system} did not start`);
  await delay(50);
}

// The payload has 96 bytes.
const task = { type: "noop", payload: { data: "x".repeat(85) } };
const fire = (duration) =>
  autocannon({
    url: `${base}/v1/queues/default/tasks${batch > 0 ? "/batch" : ""}`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(batch > 0 ? Array(batch).fill(task) : task),
    connections,
    duration,
  });

try {
  await fire(WARM_SECONDS);
  const before = await cpuMicros();
  const result = await fire(seconds);
  const used = (await cpuMicros()) - before;
  const requestsPerSecond = result["2xx"] / result.duration;
  printResult({
    requestsPerSecond,
    tasksPerSecond: requestsPerSecond * Math.max(1, batch),
    serverMicros: used / Math.max(1, result["2xx"]),
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    errors: result.errors + result.non2xx,
  });
} finally {
  server.kill("SIGTERM");
  await ended;
  const redis = new Redis(url);
  await dropKeys(redis, prefix);
  await redis.quit();
}
