// Uses a separate PM2 daemon, which has its own home folder. So other processes that the user runs with PM2 are never
// changed.
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { createRequire } from "node:module";
import { homedir, userInfo } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

export const root = resolve(import.meta.dirname, "..");
const ownHome = join(root, ".holdfast/pm2");

function daemonRuns(home) {
  try {
    process.kill(Number(readFileSync(join(home, "pm2.pid"), "utf8")), 0);
    return true;
  } catch {
    return false;
  }
}

// The path of a socket can have at most 107 bytes on Linux and 103 on macOS.
const LONGEST_SOCKET = 100;
// If a daemon does not answer within this time, it counts as hanging.
const ANSWER_MS = 30_000;

/**
 * Returns settings for the sockets of PM2. If a socket path in `home` would be too long, the sockets are in a private
 * folder in /tmp.
 */
function shortSockets(home) {
  if (Buffer.byteLength(join(home, "interactor.sock")) <= LONGEST_SOCKET) return {};
  const { uid } = userInfo();
  // $TMPDIR is not used, because it may be different in the next shell.
  const folder = `/tmp/holdfast-${uid}-${createHash("sha256").update(home).digest("hex").slice(0, 16)}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & 0o077) !== 0)
    throw new Error(`${folder} is needed for the sockets of PM2, but belongs to another user: remove it`);
  return {
    PM2_DAEMON_RPC_PORT: join(folder, "rpc.sock"),
    PM2_DAEMON_PUB_PORT: join(folder, "pub.sock"),
    PM2_INTERACTOR_RPC_PORT: join(folder, "interactor.sock"),
  };
}

/** Returns functions for one PM2 daemon. `run` starts the daemon if it is not running. */
export function openPm2(home = ownHome) {
  const place = { ...shortSockets(home), PM2_HOME: home };
  const path = () => createRequire(join(root, "package.json")).resolve("pm2/bin/pm2");
  const run = (args, { env = {}, tolerant = false, ...options } = {}) => {
    const result = spawnSync(process.execPath, [path(), ...args], {
      cwd: root,
      env: { ...process.env, ...env, ...place },
      encoding: "utf8",
      ...options,
    });
    if (result.error?.code === "ETIMEDOUT")
      throw new Error(`PM2 does not answer (pm2 ${args[0]}): see ${join(home, "pm2.log")}`);
    if (result.status !== 0 && !tolerant) {
      throw new Error(`pm2 ${args[0]} failed:\n${result.stdout ?? ""}${result.stderr ?? ""}`);
    }
    return result.stdout ?? "";
  };
  return {
    run,
    /** Like `run`, but does not block. */
    runAsync: (args) =>
      promisify(execFile)(process.execPath, [path(), ...args], {
        cwd: root,
        env: { ...process.env, ...place },
      }),
    runs: () => daemonRuns(home),
    /** Returns the processes of the daemon, each with the environment that it was started with. */
    processes() {
      if (!daemonRuns(home)) return [];
      // PM2 may print a notice before the list.
      const line = run(["jlist", "--silent"], { timeout: ANSWER_MS })
        .split("\n")
        .findLast((text) => text.startsWith("["));
      return JSON.parse(line ?? "[]").map(({ pm_id, name, pid, pm2_env }) => ({
        id: pm_id,
        name,
        pid,
        status: pm2_env.status,
        restarts: pm2_env.restart_time,
        env: pm2_env,
      }));
    },
  };
}

/**
 * Returns the PM2 daemon that runs our services: that of `make up`, or that of the user. Returns null if neither runs
 * them.
 */
export function findPm2() {
  const userHome = process.env.PM2_HOME ?? join(homedir(), ".pm2");
  for (const home of [ownHome, userHome]) {
    if (!existsSync(home) || !daemonRuns(home)) continue;
    const pm2 = openPm2(home);
    if (pm2.processes().some(({ name }) => name === "holdfast-worker")) return pm2;
  }
  return null;
}

/** Returns the port on which a process answers `/readyz`. Workers and janitors add their instance number. */
export function portOf({ name, env }) {
  const port = {
    "holdfast-producer-api": () => env.PORT,
    "holdfast-worker-api": () => env.WORKER_API_PORT,
    "holdfast-observability": () => env.OBSERVABILITY_PORT,
    "holdfast-dispatcher": () => env.DISPATCHER_PORT,
  }[name]?.();
  return Number(port ?? Number(env.METRICS_PORT) + Number(env.NODE_APP_INSTANCE ?? 0));
}

export const readyUrl = (running) => `http://127.0.0.1:${portOf(running)}/readyz`;

/**
 * Whether the address answers with 200. Uses node:http, because `fetch` refuses some ports that a service may have,
 * such as 6000.
 */
function isOk(url) {
  return new Promise((resolve) => {
    const request = get(url, { timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

const isStopped = ({ status }) => status === "stopped";
export const servicesOf = (pm2) => pm2.processes().filter(({ name }) => name.startsWith("holdfast-"));
export const runningOf = (pm2) => servicesOf(pm2).filter((service) => !isStopped(service));

// PM2 restarts a service that fails at its start. After this many restarts, it is not expected to become ready any
// more.
const HOPELESS_RESTARTS = 4;

/**
 * Waits until every process is ready, which means that the process itself listens on its port and `/readyz` answers
 * 200. Returns the processes that are not ready after `timeoutMs`, or that PM2 restarted too often.
 */
export async function waitReady(pm2, timeoutMs = 60_000) {
  const { holdsPort } = await import("../packages/service/dist/ports.js");
  const deadline = Date.now() + timeoutMs;
  const before = new Map(servicesOf(pm2).map(({ id, restarts }) => [id, restarts]));
  for (;;) {
    const late = [];
    let isHopeless = false;
    for (const running of runningOf(pm2)) {
      const url = readyUrl(running);
      const answers = await isOk(url);
      const isIts = running.pid > 0 ? await holdsPort(running.pid, portOf(running)) : false;
      if (answers && isIts !== false) continue;
      const restarts = running.restarts - (before.get(running.id) ?? 0);
      const why = answers ? " (another process answers there)" : "";
      late.push(`${running.name} at ${url}${why}${restarts > 0 ? `, started ${restarts + 1} times` : ""}`);
      isHopeless ||= restarts >= HOPELESS_RESTARTS;
    }
    if (late.length === 0 || isHopeless || Date.now() > deadline) return late;
    await new Promise((done) => setTimeout(done, 250));
  }
}
