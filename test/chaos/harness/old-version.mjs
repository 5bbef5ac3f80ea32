import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);
/** The last commit without keys and limits. */
const COMMIT = "1dae921925f015a3cd00ce52763acc519aac715b";
const PACKAGES = ["contracts", "holdfast"];

/** Returns why the old version cannot be built here; null if it can. */
export function whyNoOldVersion() {
  try {
    execFileSync("git", ["-C", root, "cat-file", "-e", `${COMMIT}^{commit}`], { stdio: "ignore" });
    return null;
  } catch {
    return `needs the commit ${COMMIT.slice(0, 7)} (git fetch --unshallow)`;
  }
}

/** Builds the library as it was before keys and limits. @returns the path of its entry */
export async function buildOldVersion(folder) {
  const at = join(folder, "old-version");
  mkdirSync(at);
  const archive = join(folder, "old-version.tar");
  const paths = ["tsconfig.base.json", ...PACKAGES.map((name) => `packages/${name}`)];
  await run("git", ["-C", root, "archive", "--output", archive, COMMIT, ...paths]);
  await run("tar", ["-x", "-f", archive, "-C", at]);
  // It gets the installed dependencies, but its own contracts.
  symlinkSync(join(root, "node_modules"), join(at, "node_modules"));
  for (const name of PACKAGES) {
    const modules = join(at, "packages", name, "node_modules");
    const installed = join(root, "packages", name, "node_modules");
    mkdirSync(modules);
    for (const entry of readdirSync(installed))
      if (entry !== "@holdfast") symlinkSync(join(installed, entry), join(modules, entry));
  }
  mkdirSync(join(at, "packages/holdfast/node_modules/@holdfast"));
  symlinkSync(join(at, "packages/contracts"), join(at, "packages/holdfast/node_modules/@holdfast/contracts"));
  await run(join(root, "node_modules/.bin/tsc"), ["-b", join(at, "packages/holdfast")]);
  return join(at, "packages/holdfast/dist/index.js");
}
