// Predicts the throughput of this machine from the measured costs, and then runs each case to compare.

import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Queue } from "../../packages/holdfast/dist/index.js";
import { summary } from "../harness/statistics.mjs";
import { CASES, LOAD, predictCase } from "./cases.mjs";
import { observe, start } from "./observe.mjs";

const WARM_TASKS = 40_000;

/** Runs a case for some seconds. @returns tasks per second, µs of CPU time per task, and tasks per call of the worker */
async function runCase(servers, { partitions, load = {} }, quick) {
  for (const { client } of servers) await client.flushall();
  const redis =
    servers.length === 1
      ? servers[0].url
      : { clusterNodes: servers.map(({ port }) => ({ host: "127.0.0.1", port })) };
  const queue = new Queue("tasks", { redis, ...(partitions === 1 ? {} : { partitions }) });
  await queue.ready();
  await queue.close();
  const children = [];
  try {
    children.push(await start("produce", redis));
    children.push(await start("work", redis, { ...LOAD, ...load }));
    const times = quick ? { warmMs: 500, forMs: 1_000 } : { warmMs: 1_500, forMs: 4_000 };
    const warmTasks = load.handlerMs ? 0 : WARM_TASKS;
    const seen = await observe(servers, children, { ...times, warmTasks });
    const [, done] = seen.tasks;
    const cpuUs = [...seen.redisUs, ...seen.nodeUs].reduce((sum, us) => sum + us, 0);
    return {
      perS: done / seen.seconds,
      us: cpuUs / done,
      tasksPerCall: done / Math.max(1, seen.calls[1]),
    };
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await delay(100);
  }
}

/** Runs all cases in turn, `rounds` times. @returns one result per case */
export async function runCases(costs, { one, cluster }, { quick = false, rounds = 3, onCase = () => {} }) {
  const seen = new Map(CASES.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const entry of CASES) {
      seen.get(entry.name).push(await runCase(entry.nodes === 1 ? [one] : cluster, entry, quick));
      onCase(entry.name, round, rounds);
    }
  }
  return CASES.map((entry) => {
    const runs = seen.get(entry.name);
    const { perS: predicted, limit, us: predictedUs } = predictCase(costs, entry, availableParallelism());
    const measured = summary(runs.map(({ perS }) => perS));
    return {
      name: entry.name,
      predicted,
      measured,
      difference: measured.median / predicted - 1,
      limit,
      predictedUs,
      measuredUs: summary(runs.map(({ us }) => us)).median,
      tasksPerCall: summary(runs.map(({ tasksPerCall }) => tasksPerCall)).median,
    };
  });
}
