// Fills a queue, starts one worker, and measures from outside: from the first task that no longer waits until no task
// is left. So the start of the worker is not measured.
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Queue } from "holdfast";
import { Redis } from "ioredis";
import { dropKeys, printResult, readArgs } from "../shared/children.mjs";

const { url, system, tasks } = readArgs();
const root = fileURLToPath(new URL("../../..", import.meta.url));
const here = fileURLToPath(new URL(".", import.meta.url));
const made = `${root}/.holdfast/bench`;
const python = `${made}/python/bin/python`;
const prefix = `workers-${process.pid}`;
const redis = new Redis(url);
const children = [];

function start(command, args, env = {}) {
  const child = spawn(command, args, {
    ...{ cwd: here, stdio: ["ignore", "ignore", "inherit"] },
    env: {
      ...process.env,
      REDIS_URL: url,
      QUEUE_PREFIX: prefix,
      LOG_LEVEL: "warn",
      C_FORCE_ROOT: "1",
      ...env,
    },
  });
  children.push(child);
  return child;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts worker-api. @returns its address */
async function startApi() {
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const settings = { WORKER_API_PORT: String(port), HOST: "127.0.0.1" };
  start(process.execPath, [`${root}/services/worker-api/dist/main.js`], settings);
  const isReady = () =>
    fetch(`${base}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
  for (const end = Date.now() + 15_000; !(await isReady()); await delay(50))
    if (Date.now() > end) throw new Error("worker-api did not start");
  return base;
}

async function fillOurs() {
  const queue = new Queue("bench", { redis: url, prefix });
  const batch = Array.from({ length: 1_000 }, () => ({ type: "noop", payload: { data: "x".repeat(85) } }));
  for (let sent = 0; sent < tasks; sent += batch.length) await queue.enqueueMany(batch);
  await queue.close();
}

function fillWith(script) {
  const { status } = spawnSync(python, [script, String(tasks)], {
    ...{ cwd: here, stdio: ["ignore", "ignore", "inherit"] },
    env: { ...process.env, REDIS_URL: url },
  });
  if (status !== 0) throw new Error(`${script} could not enqueue`);
}

const ours = (work) => ({
  fill: fillOurs,
  work,
  left: async () => {
    const [waiting, running] = await Promise.all([
      redis.llen(`${prefix}:{bench}:pending`),
      redis.zcard(`${prefix}:{bench}:processing`),
    ]);
    return { waiting, running };
  },
});
const overHttp = (command, args) =>
  ours(async () => start(command, args, { HOLDFAST_WORKER_URL: await startApi() }));

const SYSTEMS = {
  holdfast: ours(() => start(process.execPath, [`${here}/library_worker.mjs`])),
  "holdfast-http": overHttp(process.execPath, [`${here}/http_worker.mjs`]),
  "holdfast-python": overHttp(python, ["holdfast_worker.py"]),
  "holdfast-go": overHttp(`${made}/go-worker`, []),
  celery: {
    fill: () => fillWith("celery_tasks.py"),
    work: () =>
      start(python, [
        ...["-m", "celery", "-A", "celery_tasks", "worker", "--concurrency=2", "--loglevel=ERROR"],
        ...["--without-gossip", "--without-mingle", "--without-heartbeat"],
      ]),
    left: async () => {
      const [waiting, running] = await Promise.all([redis.llen("celery"), redis.hlen("unacked")]);
      return { waiting, running };
    },
  },
  rq: {
    fill: () => fillWith("rq_tasks.py"),
    work: () => start(python, ["rq_tasks.py"]),
    left: async () => {
      const [waiting, running] = await Promise.all([
        redis.llen("rq:queue:bench"),
        redis.zcard("rq:wip:bench"),
      ]);
      return { waiting, running };
    },
  },
};

const { fill, work, left } = SYSTEMS[system];
try {
  await fill();
  const before = (await left()).waiting;
  if (before !== tasks) throw new Error(`${system}: ${before} tasks wait, not ${tasks}`);
  await work();
  let begunAt;
  let endedAt;
  for (const end = Date.now() + 80_000; endedAt === undefined; await delay(2)) {
    const { waiting, running } = await left();
    const now = performance.now();
    if (waiting + running < tasks || waiting < tasks) begunAt ??= now;
    if (waiting + running === 0) endedAt = now;
    if (Date.now() > end) throw new Error(`${system}: ${waiting} wait and ${running} run after 80 s`);
  }
  const seconds = (endedAt - begunAt) / 1_000;
  printResult({ tasks, ms: seconds * 1_000, tasks_per_s: tasks / seconds });
} finally {
  for (const child of children.reverse()) child.kill("SIGKILL");
  if (system === "celery" || system === "rq") await redis.flushall();
  else await dropKeys(redis, prefix);
  redis.disconnect();
}
process.exit(0);
