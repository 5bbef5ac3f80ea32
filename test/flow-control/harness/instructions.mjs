import { execFile, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);

/** @throws if valgrind is missing; `scripts/setup valgrind` installs it */
export function needValgrind() {
  if (spawnSync("valgrind", ["--version"]).status !== 0)
    throw new Error("valgrind is missing: run scripts/setup valgrind");
}

/**
 * Starts a redis-server under callgrind, which counts only while `count` runs.
 * @param options.only counts only this function of redis-server, with the functions that it calls. With
 * "evalShaCommand", the counts of equal calls differ by 0.1%. Without it they differ by 1%, because Redis also does
 * periodic work
 */
export async function startCounted(ctx, { only, ...options } = {}) {
  const under = [
    "valgrind",
    "--tool=callgrind",
    "--instr-atstart=no",
    `--callgrind-out-file=${ctx.path("callgrind.out.%p")}`,
    ...(only ? [`--toggle-collect=${only}`] : []),
  ];
  return ctx.startRedis({ under, ...options });
}

/** Counts the instructions that the server executes while `work` runs. */
export async function count(ctx, redis, work) {
  const { pid } = redis.child;
  const control = (...args) => run("callgrind_control", [...args, String(pid)]);
  const dumpsOf = () => readdirSync(ctx.folder).filter((name) => name.startsWith(`callgrind.out.${pid}`));
  const earlier = dumpsOf();
  await control("-i", "on");
  await work();
  await control("-i", "off");
  await control("-d");
  // Each dump begins at zero, so dumps of earlier counts are left out.
  const dumps = dumpsOf().filter((name) => !earlier.includes(name));
  const totals = dumps.map((name) => {
    const text = readFileSync(ctx.path(name), "utf8");
    return Number(/^totals: (\d+)/m.exec(text)?.[1] ?? 0);
  });
  return Math.max(...totals);
}
