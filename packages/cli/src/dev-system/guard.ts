// The guard: a process that ends the services and Redis of `holdfast dev` if the command itself is killed. The
// command sends it their process ids, and ends the guard when they have ended.
import { setTimeout as sleep } from "node:timers/promises";
import { killGroup } from "./child.ts";

const END_MS = 3_000;
const services: number[] = [];
const redis: number[] = [];

process.on("message", ({ pid, isRedis }: { pid: number; isRedis: boolean }) => {
  (isRedis ? redis : services).push(pid);
});
process.on("disconnect", async () => {
  await end(services);
  await end(redis);
  process.exit();
});

async function end(pids: readonly number[]): Promise<void> {
  for (const pid of pids) send(pid, "SIGTERM");
  for (const limit = performance.now() + END_MS; performance.now() < limit; await sleep(50))
    if (!pids.some((pid) => send(pid, 0))) return;
  for (const pid of pids) killGroup(pid);
}

/** Returns whether a process with this id exists. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
