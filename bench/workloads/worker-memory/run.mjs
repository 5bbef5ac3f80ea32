// The tasks are enqueued by this process, so that the memory of the worker process is used by the worker alone.
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { Janitor, Queue } from "../../../packages/holdfast/dist/index.js";
import { dropKeys, median, printResult, readArgs, startChild } from "../shared/children.mjs";

const { url, tasks, chunks, warmChunks } = readArgs();
const options = { redis: url, prefix: `memory-${process.pid}` };
const BATCH = 500;
const perChunk = Math.ceil(tasks / chunks);
const batch = Array.from({ length: BATCH }, () => ({ type: "noop", payload: "x".repeat(94) }));
const queue = new Queue("memory", options);
// The janitor purges ended tasks, so Redis stays small.
const janitor = new Janitor(options);
await janitor.start();
const worker = await startChild(fileURLToPath(new URL("worker.mjs", import.meta.url)), options, {
  execArgv: ["--expose-gc"],
});

try {
  const samples = [];
  let enqueued = 0;
  while (enqueued < tasks) {
    const target = Math.min(tasks, enqueued + perChunk);
    while (enqueued < target) {
      const size = Math.min(BATCH, target - enqueued);
      await queue.enqueueMany(batch.slice(0, size));
      enqueued += size;
    }
    samples.push((await worker.ask({ until: enqueued })).answer);
  }
  const measured = samples.slice(warmChunks);
  const quarter = Math.ceil(measured.length / 4);
  const figure = (part, key) => median(part.map((sample) => sample[key]));
  const early = measured.slice(0, quarter);
  const late = measured.slice(-quarter);
  const metrics = { tasks };
  for (const key of ["rssMb", "heapMb"]) {
    metrics[`${key}Early`] = figure(early, key);
    metrics[`${key}Late`] = figure(late, key);
    metrics[`${key}Ratio`] = metrics[`${key}Late`] / metrics[`${key}Early`];
    metrics[`${key}Max`] = Math.max(...measured.map((sample) => sample[key]));
  }
  printResult(metrics);
} finally {
  await worker.stop();
  await queue.close();
  await janitor.stop();
  const redis = new Redis(url);
  await dropKeys(redis, options.prefix);
  await redis.quit();
}
