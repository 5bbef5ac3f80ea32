// Compares workers over HTTP, in Python, in Go and in Node, with the worker of the library and with Celery and RQ: 10,000
// tasks with an empty handler on the same Redis.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { rotate } from "./shared/children.mjs";

export const name = "http-workers";
export const rounds = (quick) => (quick ? 1 : 5);

const LIBRARY = "the worker of the library";
const OVER_HTTP = "a worker in Node over HTTP";
const IN_PYTHON = "a worker in Python";
const IN_GO = "a worker in Go";
/**
 * For each system: the programs to run, under which name the result counts, and with which of our workers it is
 * compared.
 */
const SYSTEMS = {
  holdfast: ["holdfast", [LIBRARY]],
  "holdfast-http": ["holdfast", [OVER_HTTP]],
  "holdfast-python": ["holdfast", [IN_PYTHON]],
  "holdfast-go": ["holdfast", [IN_GO]],
  celery: ["celery", [IN_PYTHON, IN_GO]],
  rq: ["rq", [IN_PYTHON, IN_GO]],
};
const file = fileURLToPath(new URL("http-workers/run.mjs", import.meta.url));
const setup = fileURLToPath(new URL("http-workers/setup.sh", import.meta.url));

/** Metrics: `tasks_per_s`, measured from the first task that was taken to the last one that was settled. */
export async function round(ctx) {
  // Makes the Python environment and the Go program in the first round. In later rounds they already exist.
  const made = spawnSync("bash", [setup], { stdio: ["ignore", "ignore", "inherit"] });
  if (made.status !== 0) throw new Error("http-workers needs Python 3.10 or later with venv, and Go");
  const records = [];
  for (const [system, [as, variants]] of rotate(Object.entries(SYSTEMS), ctx.round)) {
    const metrics = await ctx.runNode(file, { url: ctx.redis.url, system, tasks: 10_000 });
    for (const variant of variants) records.push({ workload: name, variant, system: as, metrics });
  }
  const rateOf = (variant) => records.find((record) => record.variant === variant).metrics.tasks_per_s;
  const against = { tasks_per_s_ratio: rateOf(OVER_HTTP) / rateOf(LIBRARY) };
  records.push({
    workload: name,
    variant: "over HTTP against the library",
    system: "holdfast",
    metrics: against,
  });
  return records;
}
