// Starts worker-api, and workers over HTTP in Python and Go.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.mjs";
import { Service } from "./service.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const actors = `${root}/test/chaos/actors`;
const python = `${root}/.holdfast/python/bin/python`;

/** Returns why workers in these languages cannot run on this machine; undefined if they can. */
export function missingLanguage() {
  if (!existsSync(python)) return "no .holdfast/python (scripts/setup python)";
  try {
    execFileSync("go", ["version"]);
    return undefined;
  } catch {
    return "no Go";
  }
}

/**
 * Returns the commands that start a worker over HTTP: language -> command. Builds the Go worker into the folder of
 * the row.
 */
export function httpWorkers(ctx) {
  const go = ctx.path("http-worker-go");
  execFileSync("go", ["build", "-o", go, "."], { cwd: `${actors}/http-worker-go` });
  process.env.PYTHONPATH = `${root}/clients/python/src`;
  return { python: [python, `${actors}/http-worker.py`], go: [go] };
}

/** Returns the address of a worker-api, and a function that starts worker-api at this address. */
export async function workerApi(ctx, redisUrl, label) {
  const port = await freePort();
  const env = { WORKER_API_PORT: String(port), REDIS_URL: redisUrl };
  const start = () => ctx.track(new Service("worker-api", port, env, { folder: ctx.folder, label }));
  return { url: `http://127.0.0.1:${port}`, start };
}
