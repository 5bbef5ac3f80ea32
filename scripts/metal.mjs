// Runs the services under PM2 and, where none answers, a Redis of our own: node scripts/metal.mjs up | down
// [--volumes] | logs | ps | scale N | secrets ARGS... Called by scripts/stack, which has installed and built before.
//
// Keys and passwords are made in .holdfast/secrets where there are none (services/init). A Redis of our own has a user
// per service, and TLS with HOLDFAST_TLS=1; one that somebody else runs stays as it is.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openPm2, root, waitReady } from "./pm2.mjs";
import { judgeRedis, redisInfo } from "./redis-probe.mjs";

const pm2 = openPm2();
const redisDir = join(root, ".holdfast/redis");
const redisPidFile = join(redisDir, "redis.pid");
/** Hash of the users and certificates that ours was started with. */
const redisAccessFile = join(redisDir, "access");
const secretsDir = join(root, ".holdfast/secrets");
const tls = process.env.HOLDFAST_TLS ?? "";
const redis = {
  host: process.env.REDIS_HOST || "127.0.0.1",
  port: Number(process.env.REDIS_PORT || 6379),
  username: process.env.REDIS_USERNAME,
  password: process.env.REDIS_PASSWORD,
};
const ports = {
  PORT: Number(process.env.PORT || 3000),
  OBSERVABILITY_PORT: Number(process.env.OBSERVABILITY_PORT || 3001),
};

const say = (text) => console.log(`holdfast: ${text}`);
function die(text) {
  console.error(`holdfast: ${text}`);
  process.exit(1);
}

/** services/init on .holdfast/secrets. Gives what it prints. */
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

/** Of the redis-server on this machine, like 7.0.15: it reads the file of users. */
function redisServerVersion() {
  const { stdout } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  return /v=(\d+\.\d+)/.exec(stdout ?? "")?.[1] ?? "7.0";
}

/** Makes it run. True where it is ours: the services are users of it then. */
async function startRedis() {
  if (process.env.REDIS_URL || process.env.REDIS_SENTINELS || process.env.REDIS_CLUSTER_NODES) {
    say("using the Redis that the environment names");
    return false;
  }
  if (redisPid() === null) {
    const info = await redisInfo(redis).catch((error) =>
      die(`${error.message}. One of our own on another port: REDIS_PORT=16379 make up`),
    );
    if (info !== null) {
      const { problem, warning } = judgeRedis(info);
      const where = `the Redis ${info.redis_version} that answers at ${redis.host}:${redis.port}`;
      if (problem !== null)
        die(`cannot use ${where}: ${problem}. One of our own on another port: REDIS_PORT=16379 make up`);
      say(`using ${where} as it is`);
      if (warning) say(`WARNING: ${warning}`);
      if (tls) say("WARNING: HOLDFAST_TLS is for a Redis of our own; REDIS_TLS=1 speaks TLS to yours");
      return false;
    }
    if (!["127.0.0.1", "localhost"].includes(redis.host))
      die(`no Redis answers at ${redis.host}:${redis.port}`);
    execFileSync(join(root, "scripts/setup"), ["redis"], { stdio: "inherit" });
  }
  await startOwnRedis();
  return true;
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
    say("starting our Redis anew: its users or certificates have changed");
    await stopRedis();
  }
  mkdirSync(redisDir, { recursive: true });
  const args = [join(root, "infra/redis/redis.conf"), "--include", join(secretsDir, "redis/access.conf")];
  args.push("--bind", "127.0.0.1", "--dir", redisDir, "--pidfile", redisPidFile);
  args.push("--logfile", "redis.log", "--daemonize", "yes");
  execFileSync("redis-server", args, { stdio: "ignore" });
  const asAdmin = {
    ...{ host: "127.0.0.1", port: redis.port, username: "admin", password: readSecret("own/redis-admin") },
    ca: tls ? readSecret("own/ca.crt") : undefined,
  };
  const deadline = Date.now() + 30_000;
  for (;;) {
    // An AOF of a former run is read first: until then Redis answers LOADING, which INFO does not mind.
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

/** Of the Redis that we started, while it runs. */
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
    if (Date.now() > deadline) die(`redis-server (pid ${pid}) does not stop`);
  }
  rmSync(redisPidFile, { force: true });
  rmSync(redisAccessFile, { force: true });
  if (pid !== null) say("stopped Redis");
}

async function untilReady() {
  const late = await waitReady(pm2);
  if (late.length === 0) return;
  pm2.run(["logs", "--nostream", "--lines", "30"], { stdio: "inherit", tolerant: true });
  die(`not ready after 60 s: ${late.join(", ")} (logs above)`);
}

async function up() {
  if (!pm2.runs()) {
    const pairs = Object.entries(ports).map(([name, port]) => `${name}=${port}`);
    if (spawnSync(join(root, "scripts/ports"), pairs, { stdio: "inherit" }).status !== 0) process.exit(1);
  }
  const isOurs = await startRedis();
  if (!isOurs) secrets(["create"]);
  const env = { HOLDFAST_SECRETS: secretsDir, HOLDFAST_REDIS_USERS: isOurs ? "1" : "" };
  pm2.run(["startOrRestart", "ecosystem.config.cjs", "--update-env"], { env });
  await untilReady();
  const key = secrets(["show", "--once", "api-key"]);
  if (key !== "") say(`the admin key, shown once (make key shows it again): ${key}`);
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
    pm2.run(["scale", "holdfast-worker", argument], { tolerant: true });
    await untilReady();
    break;
  case "secrets":
    console.log(secrets([argument, ...more], redisServerVersion()));
    break;
  default:
    die("usage: node scripts/metal.mjs up | down [--volumes] | logs | ps | scale N | secrets ARGS...");
}
