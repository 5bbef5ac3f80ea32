// Fills a paused queue, resumes it, and measures the rate of completions by the clock of Redis.
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { Observer, Queue } from "../../../packages/holdfast/dist/index.js";
import { dropKeys, printResult, readArgs, startChild } from "../shared/children.mjs";

const { url, workers, tasks } = readArgs();
const options = { redis: url, prefix: `scale-${process.pid}` };
const BATCH = 500;
const queue = new Queue("scale", options);
const observer = new Observer(options);
const children = [];
const file = fileURLToPath(new URL("worker.mjs", import.meta.url));

try {
  await queue.enqueue("sleep", null);
  await observer.pause("scale");
  for (let left = tasks - 1; left > 0; left -= BATCH) {
    await queue.enqueueMany(
      Array.from({ length: Math.min(BATCH, left) }, () => ({ type: "sleep", payload: null })),
    );
  }
  children.push(...(await Promise.all(Array.from({ length: workers }, () => startChild(file, options)))));
  await observer.resume("scale");
  // After a pause, a worker may sleep for up to its poll interval. So the first tenth of the tasks does not count.
  let first;
  for (;;) {
    const stats = await observer.stats("scale");
    const done = stats.totals.acked;
    if (first === undefined && done >= tasks * 0.1) first = { done, at: stats.at };
    if (done >= tasks) {
      printResult({ tasksPerSecond: ((done - first.done) * 1_000) / (stats.at - first.at) });
      break;
    }
    await delay(20);
  }
} finally {
  await Promise.all(children.map((child) => child.stop()));
  await queue.close();
  await observer.close();
  const redis = new Redis(url);
  await dropKeys(redis, options.prefix);
  await redis.quit();
}
