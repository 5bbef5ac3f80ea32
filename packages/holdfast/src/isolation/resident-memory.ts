import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Returns the resident memory of processes in bytes, by process id. Processes that have ended are left out. */
export async function residentBytes(pids: readonly number[]): Promise<Map<number, number>> {
  const bytes = new Map<number, number>();
  if (pids.length === 0) return bytes;
  if (process.platform === "linux") {
    await Promise.all(
      pids.map(async (pid) => {
        const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
        const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
        if (kilobytes !== undefined) bytes.set(pid, Number(kilobytes) * 1024);
      }),
    );
    return bytes;
  }
  const { stdout } = await run("ps", ["-o", "pid=,rss=", "-p", pids.join(",")]).catch(() => ({ stdout: "" }));
  for (const line of stdout.split("\n")) {
    const [pid, kilobytes] = line.trim().split(/\s+/).map(Number);
    if (pid && kilobytes) bytes.set(pid, kilobytes * 1024);
  }
  return bytes;
}
