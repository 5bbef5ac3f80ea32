import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** The last commit without keys and limits, and the last commit without flows. */
const BEFORE_KEYS = "1dae921925f015a3cd00ce52763acc519aac715b";
export const BEFORE_FLOWS = "279e0a0781e26c29636dcd75afd285c043cb77a6";
const PACKAGES = ["contracts", "holdfast"];

const git = (...args) =>
  execFileSync("git", args, { cwd: root, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });

/** Returns the reason why the old version cannot be built on this machine, or null if it can. */
export function whyNoOldVersion(commit = BEFORE_KEYS) {
  try {
    git("cat-file", "-e", `${commit}^{commit}`);
    return null;
  } catch {
    return `needs the commit ${commit.slice(0, 7)} (git fetch --unshallow)`;
  }
}

/**
 * Builds the library of an old commit, only once, in node_modules/.cache.
 * @returns its folder
 * @throws in a shallow clone, which does not contain that commit
 */
export function oldVersion(commit = BEFORE_KEYS) {
  const folder = join(root, "node_modules/.cache", `holdfast-${commit}`);
  if (existsSync(folder)) return folder;
  const why = whyNoOldVersion(commit);
  if (why) throw new Error(`SKIPPED: the old version cannot be built: ${why}`);
  const paths = ["tsconfig.base.json", "package.json", ...PACKAGES.map((name) => `packages/${name}`)];
  const archive = git("archive", commit, ...paths);
  const building = `${folder}-building`;
  rmSync(building, { recursive: true, force: true });
  mkdirSync(building, { recursive: true });
  execFileSync("tar", ["-x", "-C", building], { input: archive });
  symlinkSync(join(root, "node_modules"), join(building, "node_modules"));
  // The packages link to each other by relative paths, so the copied links lead to the packages of the old version.
  for (const name of PACKAGES)
    cpSync(join(root, "packages", name, "node_modules"), join(building, "packages", name, "node_modules"), {
      recursive: true,
      verbatimSymlinks: true,
    });
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-b", "packages/holdfast"], { cwd: building });
  renameSync(building, folder);
  return folder;
}
