// Runs the services under PM2 and, where none answers, a Redis of our own: node scripts/metal.mjs up | down
// [--volumes] | logs | ps | scale N. Called by scripts/stack, which has installed and built before.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openPm2, root, waitReady } from "./pm2.mjs";
import { judgeRedis, redisInfo } from "./redis-probe.mjs";

const pm2 = openPm2();
const redisDir = join(root, ".holdfast/redis");
const redisPidFile = join(redisDir, "redis.pid");
const redis = {
  host: process.env.REDIS_HOST || "127.0.0.1",
  port: Number(process.env.REDIS_PORT || 6379),
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

async function startRedis() {
  if (process.env.REDIS_URL || process.env.REDIS_SENTINELS || process.env.REDIS_CLUSTER_NODES) {
    return say("using the Redis that the environment names");
  }
  const info = await redisInfo(redis).catch((error) =>
    die(`${error.message}. Another port: REDIS_PORT=16379 make up`),
  );
  if (info !== null) {
    const { problem, warning } = judgeRedis(info);
    const where = `the Redis ${info.redis_version} that answers at ${redis.host}:${redis.port}`;
    if (problem !== null)
      die(`cannot use ${where}: ${problem}. One of our own on another port: REDIS_PORT=16379 make up`);
    say(`using ${where}${existsSync(redisPidFile) ? " (ours)" : ""}`);
    if (warning) say(`WARNING: ${warning}`);
    return;
  }
  if (!["127.0.0.1", "localhost"].includes(redis.host))
    die(`no Redis answers at ${redis.host}:${redis.port}`);
  execFileSync(join(root, "scripts/setup"), ["redis"], { stdio: "inherit" });
  mkdirSync(redisDir, { recursive: true });
  const args = [join(root, "infra/redis/redis.conf"), "--bind", "127.0.0.1", "--port", String(redis.port)];
  args.push("--dir", redisDir, "--pidfile", redisPidFile, "--logfile", "redis.log", "--daemonize", "yes");
  execFileSync("redis-server", args, { stdio: "ignore" });
  const deadline = Date.now() + 30_000;
  for (;;) {
    // An AOF of a former run is read first: until then Redis answers LOADING, which INFO does not mind.
    const now = await redisInfo(redis).catch(() => null);
    if (now !== null && now.loading === "0") {
      const { problem } = judgeRedis(now);
      if (problem !== null) {
        await stopRedis();
        die(`cannot use the redis-server of this machine: ${problem}`);
      }
      return say(`started Redis ${now.redis_version} on 127.0.0.1:${redis.port} (data in .holdfast/redis)`);
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
  await startRedis();
  pm2.run(["startOrRestart", "ecosystem.config.cjs", "--update-env"]);
  await untilReady();
}

async function down(deleteData) {
  if (pm2.runs()) {
    pm2.run(["delete", "all"], { tolerant: true });
    pm2.run(["kill"], { tolerant: true });
    say("stopped the services");
  }
  await stopRedis();
  if (deleteData) rmSync(redisDir, { recursive: true, force: true });
}

const [command, argument] = process.argv.slice(2);
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
  default:
    die("usage: node scripts/metal.mjs up | down [--volumes] | logs | ps | scale N");
}
