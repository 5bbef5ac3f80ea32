// Runs the services under PM2. If no Redis answers, also starts a Redis:
//   node scripts/metal.mjs server | up | down [--volumes] | logs | ps | scale N | metrics-port | secrets ARGS...
// scripts/stack calls this script after it has installed and built everything.
//
// services/init makes missing keys and passwords in .holdfast/secrets. A Redis that this script starts has a user for
// each service, and TLS if HOLDFAST_TLS=1. A Redis that somebody else runs is not changed.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openPm2, portOf, root, runningOf, servicesOf, waitReady } from "./pm2.mjs";
import { judgeRedis, redisInfo } from "./redis-probe.mjs";

// Redis, PM2 and the services write payloads and keys to files. With this umask, only the owner may read them. Files
// that are made without it are in a folder that only the owner can enter.
process.umask(0o077);
const home = join(root, ".holdfast");
mkdirSync(home, { recursive: true, mode: 0o700 });
chmodSync(home, 0o700);

const pm2 = openPm2();
const redisDir = join(root, ".holdfast/redis");
const redisPidFile = join(redisDir, "redis.pid");
/** A file with a hash of the users and certificates with which our Redis was last started. */
const redisAccessFile = join(redisDir, "access");
const secretsDir = join(root, ".holdfast/secrets");
const tls = process.env.HOLDFAST_TLS ?? "";
const redis = {
  host: process.env.REDIS_HOST || "127.0.0.1",
  port: Number(process.env.REDIS_PORT || 6379),
  username: process.env.REDIS_USERNAME,
  password: process.env.REDIS_PASSWORD,
};
const instances = {
  worker: Number(process.env.HOLDFAST_WORKERS || 2),
  janitor: Number(process.env.HOLDFAST_JANITORS || 2),
  dispatcher: process.env.ENDPOINTS_FILE ? 1 : 0,
};
const METRICS_PORT = 9464;
/** The ports of janitors begin this far above those of workers. So there can be at most this many workers. */
const MOST_INSTANCES = 200;
const SERVICES = ["producer-api", "worker-api", "observability", "worker", "janitor", "dispatcher"];

const say = (text) => console.log(`holdfast: ${text}`);
function die(text) {
  console.error(`holdfast: ${text}`);
  process.exit(1);
}

/** Runs services/init on the folder .holdfast/secrets. Returns its output. */
function secrets(args, redisVersion = "7.0") {
  const main = join(root, "services/init/dist/main.js");
  const options = ["--folder", secretsDir, "--prefix", process.env.QUEUE_PREFIX || "queue", "--tls", tls];
  options.push("--redis-version", redisVersion, "--redis-port", String(redis.port));
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...options, ...args], {
    encoding: "utf8",
  });
  if (status !== 0) die(stderr.trim());
  return stdout.trim();
}

const readSecret = (name) => readFileSync(join(secretsDir, name), "utf8").trim();

/** Returns the name of the server program on this machine; undefined if there is none. */
const redisServer = () =>
  ["redis-server", "valkey-server"].find((name) => spawnSync(name, ["--version"]).status === 0);

/** Returns the version of the server program, such as 7.0. It decides which rules the ACL file may have. */
function redisServerVersion() {
  const { stdout } = spawnSync(redisServer() ?? "redis-server", ["--version"], { encoding: "utf8" });
  return /v=(\d+\.\d+)/.exec(stdout ?? "")?.[1] ?? "7.0";
}

const namesOther = () =>
  Boolean(process.env.REDIS_URL || process.env.REDIS_SENTINELS || process.env.REDIS_CLUSTER_NODES);

/** Returns the port of the Redis that this script started, or null if it is not running. */
function ownRedisPort() {
  if (redisPid() === null) return null;
  return Number(/^(?:tls-)?port ([1-9]\d*)$/m.exec(readSecret("redis/access.conf"))?.[1]);
}

/**
 * Chooses the Redis to use: "named" by the environment, "ours" (started by this script), or "theirs" (started by
 * somebody else). Changes nothing.
 */
async function chooseRedis() {
  if (namesOther()) {
    say("using the Redis that the environment names");
    return "named";
  }
  const isHere = ["127.0.0.1", "localhost"].includes(redis.host);
  if (isHere && ownRedisPort() === redis.port) return "ours";
  const info = await redisInfo(redis).catch((error) =>
    die(`${error.message}. To start another Redis on another port: REDIS_PORT=16379 make up`),
  );
  if (info === null)
    return isHere
      ? "ours"
      : die(
          `no Redis answers at ${redis.host}:${redis.port}: start it, or correct REDIS_HOST and REDIS_PORT`,
        );
  const { problem, warning } = judgeRedis(info);
  const where = `the Redis ${info.redis_version} that answers at ${redis.host}:${redis.port}`;
  if (problem !== null)
    die(`cannot use ${where}: ${problem}. To start another Redis on another port: REDIS_PORT=16379 make up`);
  say(`using ${where} as it is`);
  if (warning) say(`WARNING: ${warning}`);
  if (tls)
    say(
      "WARNING: HOLDFAST_TLS applies only to a Redis that make up starts; set REDIS_TLS=1 to use TLS with yours",
    );
  return "theirs";
}

async function startOwnRedis() {
  secrets(["create"], redisServerVersion());
  const files = ["access.conf", "users.acl", ...(tls ? ["redis.crt"] : [])];
  const access = createHash("sha256")
    .update(files.map((file) => readSecret(`redis/${file}`)).join("\n"))
    .digest("hex");
  if (redisPid() !== null) {
    const before = existsSync(redisAccessFile) ? readFileSync(redisAccessFile, "utf8") : "";
    if (before === access) return say(`using the Redis that we started on 127.0.0.1:${redis.port}`);
    say("restarting our Redis, because its users or certificates have changed");
    await stopRedis();
  }
  mkdirSync(redisDir, { recursive: true });
  const args = [join(root, "infra/redis/redis.conf"), "--include", join(secretsDir, "redis/access.conf")];
  args.push("--bind", "127.0.0.1", "--dir", redisDir, "--pidfile", redisPidFile);
  args.push("--logfile", "redis.log", "--daemonize", "yes");
  execFileSync(redisServer(), args, { stdio: "ignore" });
  const asAdmin = {
    ...{ host: "127.0.0.1", port: redis.port, username: "admin", password: readSecret("own/redis-admin") },
    ca: tls ? readSecret("own/ca.crt") : undefined,
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    // Redis first loads its append-only file. In this time it answers LOADING to every command except INFO.
    const now = await redisInfo(asAdmin).catch(() => null);
    if (now !== null && now.loading === "0") {
      const { problem } = judgeRedis(now);
      if (problem !== null) {
        await stopRedis();
        die(`cannot use the redis-server of this machine: ${problem}`);
      }
      writeFileSync(redisAccessFile, access);
      const how = tls ? "a user per service, TLS" : "a user per service";
      return say(
        `started Redis ${now.redis_version} on 127.0.0.1:${redis.port} (${how}; data in .holdfast/redis)`,
      );
    }
    if (Date.now() > deadline) die("redis-server did not start: see .holdfast/redis/redis.log");
    await delay(100);
  }
}

/**
 * Installs redis-server if this system needs it. `make up` does this first, because the build that follows takes
 * minutes.
 */
async function ensureServer() {
  if (redisServer() !== undefined || (await chooseRedis()) !== "ours") return;
  if (spawnSync(join(root, "scripts/setup"), ["redis"], { stdio: "inherit" }).status !== 0) process.exit(1);
}

/** Returns the process id of the Redis that this script started, or null if it is not running. */
function redisPid() {
  try {
    const pid = Number(readFileSync(redisPidFile, "utf8"));
    process.kill(pid, 0);
    return pid;
  } catch {
    return null;
  }
}

async function stopRedis() {
  const pid = redisPid();
  if (pid !== null) process.kill(pid, "SIGTERM");
  for (const deadline = Date.now() + 15_000; redisPid() !== null; await delay(50)) {
    if (Date.now() > deadline)
      die(`redis-server (pid ${pid}) does not stop: stop it with kill, then repeat this command`);
  }
  rmSync(redisPidFile, { force: true });
  rmSync(redisAccessFile, { force: true });
  if (pid !== null) say("stopped Redis");
}

async function untilReady() {
  const late = await waitReady(pm2);
  if (late.length === 0) return;
  pm2.run(["logs", "--nostream", "--lines", "30"], { stdio: "inherit", tolerant: true });
  die(`not ready: ${late.join(", ")} (logs above)`);
}

/** Returns the ports that the services will use, each with the name of the variable that sets it. */
function wantedPorts() {
  const metrics = Number(process.env.METRICS_PORT || METRICS_PORT);
  const several = (count, from) =>
    Array.from({ length: count }, (_, number) => ["METRICS_PORT", from + number, metrics]);
  return [
    ["PORT", Number(process.env.PORT || 3000)],
    ["WORKER_API_PORT", Number(process.env.WORKER_API_PORT || 3002)],
    ["OBSERVABILITY_PORT", Number(process.env.OBSERVABILITY_PORT || 3001)],
    ...(instances.dispatcher > 0 ? [["DISPATCHER_PORT", Number(process.env.DISPATCHER_PORT || 3003)]] : []),
    ...several(instances.worker, metrics),
    ...several(instances.janitor, metrics + MOST_INSTANCES),
  ];
}

/** Fails if another process uses one of the ports, before `up` changes anything. */
async function checkPorts() {
  const wanted = wantedPorts();
  for (const [name, port] of wanted)
    if (!(Number.isInteger(port) && port >= 1 && port <= 65_535))
      die(`${name}="${process.env[name]}" is not a port, 1 to 65535`);
  const twice = wanted.find(([, port], at) => wanted.findIndex((other) => other[1] === port) !== at);
  if (twice) die(`${twice[0]} gives a port to two services: ${twice[1]}`);
  const { holdsPort } = await import("../packages/service/dist/ports.js");
  const own = new Set();
  for (const running of runningOf(pm2))
    if (running.pid > 0 && (await holdsPort(running.pid, portOf(running))) !== false)
      own.add(portOf(running));
  const pairs = wanted.filter(([, port]) => !own.has(port)).map(([name, port]) => `${name}=${port}`);
  if (spawnSync(join(root, "scripts/ports"), pairs, { stdio: "inherit" }).status !== 0) process.exit(1);
}

const isFree = (port) =>
  spawnSync(join(root, "scripts/ports"), [`METRICS_PORT=${port}`], { stdio: "ignore" }).status === 0;

/**
 * Returns the first port of a free block of ports. Another system on this machine may already use the default block.
 */
function freeMetricsPort() {
  for (let from = METRICS_PORT; from < 65_000; from += 2 * MOST_INSTANCES)
    if ([from, from + 1, from + MOST_INSTANCES, from + MOST_INSTANCES + 1].every(isFree)) return from;
  return die(
    "found no free ports for the metrics from 9464 on: set METRICS_PORT to the first port of a free range",
  );
}

/** Deletes the services from PM2 and starts them again. A restart by PM2 would keep their old environment. */
function replaceServices(isOurs) {
  const env = { HOLDFAST_SECRETS: secretsDir, HOLDFAST_REDIS_USERS: isOurs ? "1" : "" };
  for (const service of SERVICES) {
    const name = `holdfast-${service}`;
    if (servicesOf(pm2).some((running) => running.name === name))
      pm2.run(["delete", name], { tolerant: true });
    if (instances[service] !== 0) pm2.run(["start", "ecosystem.config.cjs", "--only", name], { env });
  }
}

async function up() {
  for (const [service, count] of Object.entries(instances))
    if (!(Number.isInteger(count) && count >= 0 && count <= MOST_INSTANCES))
      die(`HOLDFAST_${service.toUpperCase()}S has to be a whole number from 0 to ${MOST_INSTANCES}`);
  await checkPorts();
  const choice = await chooseRedis();
  // `make down` reads this file to know how the system was started.
  writeFileSync(join(root, ".holdfast/way"), "metal\n");
  const own = ownRedisPort();
  if (own !== null && (choice !== "ours" || own !== redis.port)) {
    // The workers stop before Redis stops, so that they can hand back their tasks.
    say(`moving from our Redis on 127.0.0.1:${own}`);
    for (const { id } of servicesOf(pm2)) pm2.run(["delete", String(id)], { tolerant: true });
    await stopRedis();
  }
  if (choice === "ours") await startOwnRedis();
  else secrets(["create"]);
  replaceServices(choice === "ours");
  await untilReady();
  const key = secrets(["show", "--once", "api-key"]);
  if (key !== "") say(`the admin key, shown once (make key shows it again): ${key}`);
}

/**
 * Sets the number of workers. If it is 0, PM2 keeps one stopped worker, because it would otherwise forget the
 * settings of workers.
 */
async function scale(text) {
  const count = Number(text);
  if (!(count <= MOST_INSTANCES))
    die(`one machine can run at most ${MOST_INSTANCES} workers: choose a smaller N`);
  const workers = () => servicesOf(pm2).filter(({ name }) => name === "holdfast-worker");
  const running = () => runningOf(pm2).filter(({ name }) => name === "holdfast-worker");
  if (servicesOf(pm2).length === 0) die("nothing runs: start it with make up");
  if (workers().length === 0) {
    const isOurs = redisPid() !== null;
    const env = { HOLDFAST_SECRETS: secretsDir, HOLDFAST_REDIS_USERS: isOurs ? "1" : "" };
    if (count > 0)
      pm2.run(["start", "ecosystem.config.cjs", "--only", "holdfast-worker"], {
        env: { ...env, HOLDFAST_WORKERS: String(count) },
      });
  } else {
    // PM2 reports an error if exactly this many workers already run, so errors are ignored here.
    pm2.run(["scale", "holdfast-worker", String(Math.max(1, count))], { tolerant: true });
    for (const { id, status } of workers()) {
      if (count === 0) pm2.run(["stop", String(id)]);
      else if (status === "stopped") pm2.run(["start", String(id)]);
    }
  }
  await untilReady();
  if (running().length !== count)
    die(`${running().length} workers run, but ${count} were requested: make logs shows why`);
}

async function down(deleteData) {
  if (pm2.runs()) {
    pm2.run(["delete", "all"], { tolerant: true });
    pm2.run(["kill"], { tolerant: true });
    say("stopped the services");
  }
  await stopRedis();
  if (!deleteData) return;
  for (const folder of [redisDir, secretsDir]) rmSync(folder, { recursive: true, force: true });
}

const [command, argument, ...more] = process.argv.slice(2);
switch (command) {
  case "server":
    await ensureServer();
    break;
  case "up":
    await up();
    break;
  case "down":
    await down(argument === "--volumes");
    break;
  case "logs":
    pm2.run(["logs", "--lines", "100"], { stdio: "inherit", tolerant: true });
    break;
  case "ps":
    pm2.run(["list"], { stdio: "inherit" });
    break;
  case "scale":
    await scale(argument);
    break;
  case "metrics-port":
    console.log(freeMetricsPort());
    break;
  case "secrets":
    console.log(secrets([argument, ...more], redisServerVersion()));
    break;
  default:
    die(
      "usage: node scripts/metal.mjs server | up | down [--volumes] | logs | ps | scale N | metrics-port | secrets ARGS...",
    );
}
