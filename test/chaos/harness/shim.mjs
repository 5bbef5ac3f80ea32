import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("redis-faults.c", import.meta.url));

/** Returns the reason why redis-faults.c cannot be used on this machine; null if it can. */
export function whyNoShim() {
  if (process.platform !== "linux") return "needs LD_PRELOAD, which only Linux has";
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return null;
  } catch {
    return "needs a C compiler (apt-get install gcc libc6-dev)";
  }
}

function build(folder) {
  const library = join(folder, "redis-faults.so");
  if (!existsSync(library)) execFileSync("cc", ["-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]);
  return library;
}

/** Returns the environment for a redis-server whose clock `set(offsetMs)` moves. */
export function fakeClock(folder) {
  const file = join(folder, "clock");
  const set = (offsetMs) => writeFileSync(file, String(offsetMs).padEnd(20));
  set(0);
  return { env: { LD_PRELOAD: build(folder), HOLDFAST_CLOCK: file }, set };
}

/** Returns the environment for a redis-server that can lose unsynced data, as in a power cut. */
export function powerCut(folder) {
  const synced = join(folder, "synced");
  mkdirSync(synced);
  return {
    env: { LD_PRELOAD: build(folder), HOLDFAST_SYNCED: synced },
    /** Drops the data that Redis had not synced. Call this after a SIGKILL. @returns the number of dropped bytes */
    dropUnsynced(dataFolder) {
      let dropped = 0;
      for (const entry of readdirSync(dataFolder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !/\.(aof|rdb)$/.test(entry.name)) continue;
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const { ino, size } = statSync(path);
        const note = join(synced, String(ino));
        const kept = existsSync(note) ? Number(readFileSync(note, "utf8")) : 0;
        if (kept >= size) continue;
        truncateSync(path, kept);
        dropped += size - kept;
      }
      return dropped;
    },
  };
}
