// Runs one round of one variant. Each system has a worker process and a producer process of its own. The systems take
// turns in slices of half a second, so that a disturbance of the machine affects all of them.
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { dropKeys, percentile, printResult, readArgs, rotate, startChild } from "../shared/children.mjs";
import { SYSTEMS } from "./systems.mjs";

const { url, round, loaded, slices, slicesNotAsked, perSlice, asked, only } = readArgs();
const INTERVAL_MS = 5;
const fileOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const prefix = `latency-${process.pid}-`;

const children = [];
const start = async (file, args) => {
  const child = await startChild(fileOf(file), { url, prefix, ...args });
  children.push(child);
  return child;
};

const workers = {};
const producers = {};
const samples = {};
const systems = rotate(only ?? Object.keys(SYSTEMS), round);
try {
  for (const system of systems) {
    workers[system] = await start("worker.mjs", { system });
    producers[system] = await start("producer.mjs", { system });
    samples[system] = [];
  }
  const send = async (system, count) => {
    await producers[system].ask({ count, intervalMs: INTERVAL_MS });
    return (await workers[system].ask({ count })).answer;
  };
  // These tasks are a warm-up: code is compiled, scripts are loaded, and buffers grow.
  for (const system of systems) await send(system, perSlice);
  const load = loaded ? await start("load.mjs", {}) : undefined;
  if (load) for (const system of systems) await send(system, perSlice);
  const before = (await load?.ask({}))?.answer;
  for (let slice = 0; slice < slices; slice++) {
    const taking = systems.filter((system) => asked.includes(system) || slice < slicesNotAsked);
    for (const system of rotate(taking, slice)) samples[system].push(...(await send(system, perSlice)));
  }
  const after = (await load?.ask({}))?.answer;
  const figures = {};
  for (const system of systems) {
    const sorted = samples[system].sort((a, b) => a - b);
    figures[system] = {
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      samples: sorted.length,
    };
  }
  printResult({
    systems: figures,
    loadPerSecond: load ? ((after.done - before.done) * 1_000) / (after.atMs - before.atMs) : 0,
  });
} finally {
  await Promise.all(children.map((child) => child.stop()));
  const redis = new Redis(url);
  for (const start of [prefix, "bull:", "bq:"])
    await dropKeys(redis, `${start}${start === prefix ? "" : prefix}`);
  await redis.quit();
}
