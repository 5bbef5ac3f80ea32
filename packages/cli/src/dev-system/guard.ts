// A process that ends the others of `holdfast dev` if the command was killed before it could do so. The command sends it
// the process ids, and kills it when they have ended.
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

/** Returns whether the process was there. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
