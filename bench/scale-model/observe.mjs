// Starts the processes of a measurement, and measures how much CPU time and memory they and Redis use.
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { cpuUs } from "../harness/process-cost.mjs";
import { startChild } from "../workloads/shared/children.mjs";

const file = fileURLToPath(new URL("load.mjs", import.meta.url));

const WARM_LIMIT_MS = 20_000;

const field = (text, name) => Number(new RegExp(`^${name}:([\\d.]+)`, "m").exec(text)?.[1]);

/** Starts a process that runs load.mjs. */
export const start = (role, redis, args = {}) => startChild(file, { role, redis, ...args });

async function read(servers, children) {
  const infos = await Promise.all(servers.map(({ client }) => client.info("everything")));
  const sum = (name) => infos.reduce((total, info) => total + field(info, name), 0);
  return {
    atMs: performance.now(),
    redisUs: servers.map(({ pid }) => cpuUs(pid)),
    nodeUs: children.map(({ pid }) => cpuUs(pid)),
    counts: (await Promise.all(children.map((child) => child.ask({})))).map(({ answer }) => answer),
    wireBytes: sum("total_net_input_bytes") + sum("total_net_output_bytes"),
    commands: sum("total_commands_processed"),
    memoryBytes: sum("used_memory"),
  };
}

/**
 * Lets the processes run for `warmMs`, and longer until the last one has done `warmTasks` tasks, so that V8 has
 * compiled the code. Then measures for `forMs`. @returns what was used in that time
 */
export async function observe(servers, children, { warmMs, forMs, warmTasks = 0 }) {
  await delay(warmMs);
  for (const end = Date.now() + WARM_LIMIT_MS; Date.now() < end; await delay(20))
    if ((await children.at(-1).ask({})).answer.tasks >= warmTasks) break;
  const before = await read(servers, children);
  await delay(forMs);
  const after = await read(servers, children);
  const minus = (what) => after[what].map((value, at) => value - before[what][at]);
  return {
    seconds: (after.atMs - before.atMs) / 1_000,
    redisUs: minus("redisUs"),
    nodeUs: minus("nodeUs"),
    tasks: after.counts.map(({ tasks }, at) => tasks - before.counts[at].tasks),
    calls: after.counts.map(({ calls }, at) => calls - before.counts[at].calls),
    wireBytes: after.wireBytes - before.wireBytes,
    commands: after.commands - before.commands,
    memoryBytes: after.memoryBytes - before.memoryBytes,
  };
}
