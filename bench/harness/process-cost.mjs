// Reads the CPU time and the memory of a process from /proc.
import { readdirSync, readFileSync } from "node:fs";

const TICKS_PER_SECOND = 100;

function threadUs(pid, thread) {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1_000;
  } catch {
    // The thread has ended, or the kernel has no such file.
    return 0;
  }
}

/**
 * Returns the CPU time of a process with all its threads, µs. /proc/<pid>/stat counts in steps of 10 ms. So the exact
 * times of the threads are added up instead, if the kernel reports them.
 * @throws if there is no /proc, or no such process
 */
export function cpuUs(pid) {
  const exact = readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadUs(pid, thread), 0);
  if (exact > 0) return exact;
  // The name of the program, in parentheses, may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  const [user, system] = [fields[11], fields[12]].map(Number);
  return ((user + system) * 1_000_000) / TICKS_PER_SECOND;
}

/** Returns the resident memory of a process, MB. */
export function rssMb(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1_024;
}
