// The PM2 of this workspace, with a home of its own, so that nobody else's processes are touched.
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
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

/** One PM2 daemon. `run` starts it where it does not run yet. */
export function openPm2(home = ownHome) {
  const path = () => createRequire(join(root, "package.json")).resolve("pm2/bin/pm2");
  const run = (args, { env = {}, tolerant = false, ...options } = {}) => {
    const result = spawnSync(process.execPath, [path(), ...args], {
      cwd: root,
      env: { ...process.env, ...env, PM2_HOME: home },
      encoding: "utf8",
      ...options,
    });
    if (result.status !== 0 && !tolerant) {
      throw new Error(`pm2 ${args[0]} failed:\n${result.stdout ?? ""}${result.stderr ?? ""}`);
    }
    return result.stdout ?? "";
  };
  return {
    run,
    /** The same, while the caller goes on. */
    runAsync: (args) =>
      promisify(execFile)(process.execPath, [path(), ...args], {
        cwd: root,
        env: { ...process.env, PM2_HOME: home },
      }),
    runs: () => daemonRuns(home),
    /** What it runs: name, pid, status, and the environment that each process was started with. */
    processes() {
      if (!daemonRuns(home)) return [];
      // A notice may come before the list.
      const line = run(["jlist", "--silent"])
        .split("\n")
        .findLast((text) => text.startsWith("["));
      return JSON.parse(line ?? "[]").map(({ name, pid, pm2_env }) => ({
        name,
        pid,
        status: pm2_env.status,
        env: pm2_env,
      }));
    },
  };
}

/** The daemon that runs our services: that of `make up`, else the user's own; null where there is none. */
export function findPm2() {
  const userHome = process.env.PM2_HOME ?? join(homedir(), ".pm2");
  for (const home of [ownHome, userHome]) {
    if (!existsSync(home) || !daemonRuns(home)) continue;
    const pm2 = openPm2(home);
    if (pm2.processes().some(({ name }) => name === "holdfast-worker")) return pm2;
  }
  return null;
}

/** Where a process of ours answers `/readyz`. A worker or janitor adds its instance number. */
export function readyUrl({ name, env }) {
  const port = {
    "holdfast-producer-api": () => env.PORT,
    "holdfast-observability": () => env.OBSERVABILITY_PORT,
  }[name]?.();
  return `http://127.0.0.1:${port ?? Number(env.METRICS_PORT) + Number(env.NODE_APP_INSTANCE ?? 0)}/readyz`;
}

/** Until every process is ready. Returns those that are not after `timeoutMs`. */
export async function waitReady(pm2, timeoutMs = 60_000) {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const late = [];
    for (const running of pm2.processes().filter(({ name }) => name.startsWith("holdfast-"))) {
      const url = readyUrl(running);
      const ok = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
        (response) => response.ok,
        () => false,
      );
      if (!ok) late.push(`${running.name} at ${url}`);
    }
    if (late.length === 0 || Date.now() > deadline) return late;
    await new Promise((done) => setTimeout(done, 250));
  }
}
