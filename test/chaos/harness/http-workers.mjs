// Starts worker-api, and workers over HTTP in Python and Go.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "./ports.mjs";
import { Service } from "./service.mjs";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const actors = `${root}/test/chaos/actors`;
const python = `${root}/.holdfast/python/bin/python`;

/** Why workers in these languages cannot run here; undefined if they can. */
export function missingLanguage() {
  if (!existsSync(python)) return "no .holdfast/python (scripts/setup python)";
  try {
    execFileSync("go", ["version"]);
    return undefined;
  } catch {
    return "no Go";
  }
}

/** The commands that start a worker over HTTP, by language. Builds the one in Go into the folder of the row. */
export function httpWorkers(ctx) {
  const go = ctx.path("http-worker-go");
  execFileSync("go", ["build", "-o", go, "."], { cwd: `${actors}/http-worker-go` });
  process.env.PYTHONPATH = `${root}/clients/python/src`;
  return { python: [python, `${actors}/http-worker.py`], go: [go] };
}

/** Returns the address of a worker-api, and a function that starts it there. */
export async function workerApi(ctx, redisUrl, label) {
  const port = await freePort();
  const env = { WORKER_API_PORT: String(port), REDIS_URL: redisUrl };
  const start = () => ctx.track(new Service("worker-api", port, env, { folder: ctx.folder, label }));
  return { url: `http://127.0.0.1:${port}`, start };
}
