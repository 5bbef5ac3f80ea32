// Starts the services on a Redis without tasks, waits for 8 s, and measures the processes from outside.
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Holdfast, Queue } from "holdfast";
import { Redis } from "ioredis";
import { cpuUs, rssMb } from "../../harness/process-cost.mjs";
import { dropKeys, printResult, readArgs } from "../shared/children.mjs";

const { url, queues, seconds } = readArgs();
const root = fileURLToPath(new URL("../../..", import.meta.url));
const prefix = `idle-${process.pid}`;
// How long to wait after the start, ms. In the first seconds of a process, V8 compiles code and collects garbage.
const SETTLE_MS = 8_000;
const READY_MS = 30_000;
const SERVICES = {
  worker: { port: "METRICS_PORT", QUEUES: "idle-0" },
  janitor: { port: "METRICS_PORT" },
  observability: { port: "OBSERVABILITY_PORT" },
  "producer-api": { port: "PORT" },
};

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const isReady = (port) =>
  fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

/** Starts a service. Resolves when it is ready. */
async function start(name) {
  const { port: variable, ...settings } = SERVICES[name];
  const port = await freePort();
  const common = { REDIS_URL: url, QUEUE_PREFIX: prefix, HOST: "127.0.0.1", LOG_LEVEL: "warn" };
  const child = spawn(process.execPath, [`${root}services/${name}/dist/main.js`], {
    env: { PATH: process.env.PATH, ...common, ...settings, [variable]: String(port) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (const end = Date.now() + READY_MS; !(await isReady(port)); await delay(100))
    if (child.exitCode !== null || Date.now() > end) throw new Error(`${name} did not start`);
  return { name, child };
}

/** Returns the size of the Docker images, MB: name of the service -> size. It is empty without Docker. */
function imageSizes() {
  const { status, stdout } = spawnSync("docker", ["image", "ls", "--format", "{{.Repository}} {{.ID}}"], {
    encoding: "utf8",
  });
  if (status !== 0) return {};
  const images = stdout.split("\n").map((line) => line.split(" "));
  const sizes = {};
  for (const name of Object.keys(SERVICES)) {
    const [, id] = images.find(([repository]) => new RegExp(`holdfast.*${name}$`).test(repository)) ?? [];
    if (id === undefined) continue;
    const found = spawnSync("docker", ["image", "inspect", "--format", "{{.Size}}", id], {
      encoding: "utf8",
    });
    sizes[name] = Number(found.stdout) / 1e6;
  }
  return sizes;
}

const redis = new Redis(url);
const field = async (section, name) =>
  Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(await redis.info(section))[1]);
const commands = () => field("stats", "total_commands_processed");
const running = [];

try {
  const client = new Holdfast({ redis: url, prefix });
  for (let at = 0; at < queues; at++) await new Queue(`idle-${at}`, { client }).ready();
  await client.close();
  for (const name of Object.keys(SERVICES)) running.push(await start(name));
  await delay(SETTLE_MS);
  const redisPid = await field("server", "process_id");
  const pids = [...running.map(({ name, child }) => [name, child.pid]), ["redis", redisPid]];
  const read = () => pids.map(([, pid]) => cpuUs(pid));
  const startedAt = performance.now();
  const [before, commandsBefore] = [read(), await commands()];
  await delay(seconds * 1_000);
  const [after, commandsAfter] = [read(), await commands()];
  const took = performance.now() - startedAt;
  const images = imageSizes();
  const result = Object.fromEntries(
    pids.map(([name, pid], at) => [
      name,
      {
        cpu_percent: (after[at] - before[at]) / 10 / took,
        rss_mb: rssMb(pid),
        ...(name in images ? { image_mb: images[name] } : {}),
      },
    ]),
  );
  result.redis.commands_per_s = ((commandsAfter - commandsBefore) * 1_000) / took;
  printResult(result);
} finally {
  for (const { child } of running) child.kill("SIGKILL");
  await dropKeys(redis, prefix);
  redis.disconnect();
}
