// Counts the instructions of Redis in those checks of flow control that compare costs. It is slow, but other load on
// the machine does not change its results. Runs only if `--only` names it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const name = "instructions";
export const rounds = () => 1;

const file = fileURLToPath(new URL("../../test/flow-control/flow-control.mjs", import.meta.url));
const CHECKS = "9,28";

/**
 * Returns the figures of the checks as metrics. A check that fails still prints its figures, so its exit code is
 * ignored.
 */
export async function round() {
  const { stdout, stderr } = spawnSync(process.execPath, [file, "--check", CHECKS], { encoding: "utf8" });
  const { figures } = JSON.parse(stdout.trimEnd().split("\n").at(-1));
  if (figures.manyKeysRatio === undefined || figures.unusedSettlePercent === undefined)
    throw new Error(`the checks ${CHECKS} ended without figures:\n${stdout}\n${stderr}`);
  return [{ workload: name, variant: "checks of flow control", system: "holdfast", metrics: figures }];
}
