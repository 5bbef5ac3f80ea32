import { workerData } from "node:worker_threads";

/**
 * A thread of each child process: ends it when its worker is gone. A handler that blocks the event loop would never see
 * that the channel was closed, and would go on for ever.
 */
const parentPid = workerData as number;
const LOOK_MS = 500;

setInterval(() => {
  if (process.ppid === parentPid) return;
  try {
    // With what it started: it leads a process group of its own.
    process.kill(-process.pid, "SIGKILL");
  } catch {
    process.kill(process.pid, "SIGKILL");
  }
}, LOOK_MS);
