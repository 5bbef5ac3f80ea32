// Runs `make demo` on the system that `make up` has started. Runs only if `--only` names it. The target is for a
// system with 8 workers in containers that was started just before (HOLDFAST_WORKERS=8 make up).
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const name = "demo";
/** The first round is the first run after the start. In later rounds, no worker is killed. */
export const rounds = (quick) => (quick ? 2 : 6);

const file = fileURLToPath(new URL("../../loadtest/demo/demo.mjs", import.meta.url));

/** Metrics: `ingest_ms`, the time to enqueue 10,000 tasks, and how many tasks were lost. */
export async function round({ round }) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [file, ...(round === 0 ? [] : ["--no-kill"])],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`the demo ended with ${status}:\n${stdout}\n${stderr}`);
  const { ingestMs, lost } = JSON.parse(stdout.trimEnd().split("\n").at(-1));
  const variant = round === 0 ? "first run" : "workers running";
  return [{ workload: name, variant, system: "holdfast", metrics: { ingest_ms: ingestMs, lost } }];
}
