// Controls the running system for the demo: finds it, changes settings of its workers for a while, and kills a
// worker.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { readDotenv } from "../../scripts/dotenv.mjs";
import { findPm2, root, waitReady } from "../../scripts/pm2.mjs";

const WORKER = "holdfast-worker";
/** The default settings of a worker. */
const DEFAULTS = { LEASE_MS: "30000", WORKER_CONCURRENCY: "50" };

/**
 * `make env` sets these variables in the shell of a user. If a worker is restarted from such a shell, it must not
 * inherit them.
 */
const NOT_THEIRS = Object.fromEntries(
  ["REDIS_HOST", "REDIS_PORT", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_TLS_CA_FILE"].map((name) => [
    name,
    undefined,
  ]),
);

/**
 * Returns the settings of `make up`, which take precedence over `.env`. The environment of the caller takes precedence
 * over both.
 */
function settings() {
  const fromFile = readDotenv(join(root, ".env"), (name) => process.env[name]);
  const path = join(root, ".holdfast/env");
  const lines = existsSync(path) ? readFileSync(path, "utf8").matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm) : [];
  const kept = Object.fromEntries(Array.from(lines, ([, name, value]) => [name, value]));
  return { ...Object.fromEntries(fromFile), ...kept, ...process.env };
}

export function urls() {
  const { PORT, OBSERVABILITY_PORT } = settings();
  return {
    producer: `http://127.0.0.1:${PORT || 3000}`,
    observability: `http://127.0.0.1:${OBSERVABILITY_PORT || 3001}`,
  };
}

/** Returns HOLDFAST_API_KEY, or the key of the system that runs here, or "" if there is neither. */
export function apiKey() {
  if (process.env.HOLDFAST_API_KEY) return process.env.HOLDFAST_API_KEY;
  const { status, stdout } = spawnSync(join(root, "scripts/stack"), ["key"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 ? stdout.trim() : "";
}

const answers = (url) =>
  fetch(`${url}/readyz`, { signal: AbortSignal.timeout(3_000) }).then(
    (response) => response.ok,
    () => false,
  );

/** Starts the system if it does not answer. Returns functions that control it. */
export async function openStack() {
  const isUp = async () => (await Promise.all(Object.values(urls()).map(answers))).every(Boolean);
  if (!(await isUp())) {
    console.log("demo: no system answers, so it is started with make up");
    const { status } = spawnSync(join(root, "scripts/stack"), ["up"], { stdio: "inherit" });
    if (status !== 0 || !(await isUp())) throw new Error("the system did not come up: see above");
  }
  const way = execFileSync(join(root, "scripts/stack"), ["way"], { encoding: "utf8" }).trim();
  if (way === "docker") return dockerStack();
  const pm2 = findPm2();
  if (pm2 !== null) return pm2Stack(pm2);
  throw new Error(
    "the services answer, but neither Compose nor PM2 of this folder runs them, so the demo cannot kill a worker; --no-kill runs it without a kill",
  );
}

function dockerStack() {
  const docker = (args, env = {}) =>
    execFileSync("docker", args, {
      cwd: root,
      env: { ...settings(), ...env },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  const containers = () => docker(["compose", "ps", "-q", "worker"]).split("\n").filter(Boolean);
  const environment = (id) =>
    Object.fromEntries(
      JSON.parse(docker(["inspect", "-f", "{{json .Config.Env}}", id])).map((pair) =>
        pair.split(/=(.*)/s).slice(0, 2),
      ),
    );
  return {
    way: "docker",
    workers: () => containers().length,
    setting: (name) => containers().slice(0, 1).map(environment)[0]?.[name],
    /** Recreates the workers. `env` has the values for the variables in docker-compose.yml. */
    async runWorkers(count, env) {
      docker(["compose", "up", "-d", "--no-deps", "--wait", "--scale", `worker=${count}`, "worker"], env);
    },
    killWorker() {
      const [id] = containers();
      docker(["kill", "--signal", "KILL", id]);
      // Docker does not restart a container after `docker kill`, so `revive` starts it again.
      return { label: `container ${id.slice(0, 12)}`, revive: () => docker(["start", id]) };
    },
    /** Returns every process of the system. Each has a function that restarts it. */
    async processesOneByOne({ redis = false } = {}) {
      const services = ["worker", "janitor", "producer-api", "worker-api", "observability"];
      if (redis) services.push("redis");
      return services.flatMap((service) =>
        docker(["compose", "ps", "-q", service])
          .split("\n")
          .filter(Boolean)
          .map((id) => ({ label: `${service} ${id.slice(0, 12)}`, restart: () => restartContainer(id) })),
      );
    },
  };
}

/** Restarts a container with the grace period of its service, and waits until it is healthy again. */
async function restartContainer(id) {
  const docker = async (...args) => (await promisify(execFile)("docker", args)).stdout.trim();
  await docker("restart", id);
  for (const deadline = Date.now() + 120_000; ; await delay(250)) {
    const health = await docker("inspect", "-f", "{{.State.Health.Status}}", id);
    if (health === "healthy") return;
    if (Date.now() > deadline) throw new Error(`container ${id.slice(0, 12)} is ${health} after its restart`);
  }
}

function pm2Stack(pm2) {
  const workers = () => pm2.processes().filter(({ name, status }) => name === WORKER && status === "online");
  return {
    way: "metal",
    workers: () => workers().length,
    setting: (name) => workers()[0]?.env[name],
    async runWorkers(count, env) {
      if (count !== workers().length) pm2.run(["scale", WORKER, String(count)], { tolerant: true });
      pm2.run(["restart", WORKER, "--update-env"], { env: { ...NOT_THEIRS, ...env } });
      const late = await waitReady(pm2);
      if (late.length > 0) throw new Error(`not ready after the restart: ${late.join(", ")}`);
    },
    killWorker() {
      const [{ pid }] = workers();
      process.kill(pid, "SIGKILL");
      return { label: `process ${pid}`, revive() {} }; // PM2 itself starts another worker at once
    },
    async processesOneByOne() {
      const ours = pm2.processes().filter(({ name }) => name.startsWith("holdfast-"));
      return ours.map(({ name, env }) => ({
        label: `${name} ${env.pm_id}`,
        // With `wait_ready`, PM2 returns only when the new process is ready.
        restart: () => pm2.runAsync(["restart", String(env.pm_id)]),
      }));
    },
  };
}

/**
 * Runs workers with `env`. They get their old settings back when the returned function is called, or when the process
 * gets SIGINT or SIGTERM.
 */
export async function borrowWorkers(stack, count, env) {
  const before = { count: stack.workers(), env: {} };
  for (const name of Object.keys(env)) before.env[name] = stack.setting(name) || DEFAULTS[name];
  const same =
    before.count === count && Object.entries(env).every(([name, value]) => before.env[name] === value);
  if (same) return async () => {};
  await stack.runWorkers(count, env);
  let restored;
  const restore = () => (restored ??= stack.runWorkers(before.count, before.env));
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => restore().finally(() => process.exit(130)));
  }
  return restore;
}
