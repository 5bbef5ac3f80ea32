// Measures how much faster 8 workers drain a queue than 1 (`make scale-benchmark`). Handlers take 10 ms, and each
// worker has a concurrency of 10. During the run, the workers of the running system get other settings.
//
//   node loadtest/scale.mjs [--workers 8] [--tasks 6000]      tasks per worker
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ApiError, forEach, openApi } from "./demo/api.mjs";
import { apiKey, borrowWorkers, openStack, urls } from "./demo/stack.mjs";

const { values: options } = parseArgs({
  options: { workers: { type: "string", default: "8" }, tasks: { type: "string", default: "6000" } },
});
const many = Number(options.workers);
const perWorker = Number(options.tasks);
const queuePath = "/v1/queues/demo";

const stack = await openStack().catch((error) => {
  console.error(`scale: ${error.message}`);
  process.exit(1);
});
const key = apiKey();
const producer = openApi(urls().producer, key);
const observability = openApi(urls().observability, key);

async function enqueue(count) {
  const batches = Array.from({ length: Math.ceil(count / 1_000) }, (_, index) =>
    Math.min(1_000, count - index * 1_000),
  );
  await forEach(batches, 2, async (size) => {
    const task = { type: "demo.sleep", payload: { ms: 10 } };
    const { results } = await producer("POST", `${queuePath}/tasks/batch`, Array(size).fill(task));
    const refused = results.find(({ status }) => status >= 300);
    if (refused) throw new Error(`a task was refused: ${JSON.stringify(refused)}`);
  });
}

/**
 * Returns the tasks per second, by the clock of Redis, between the first and the last completion that this process
 * has seen.
 */
async function drainRate(count) {
  await observability("POST", `${queuePath}/pause`, { reason: "scale benchmark" });
  await enqueue(count);
  const base = (await observability("GET", queuePath)).totals.acked;
  await observability("POST", `${queuePath}/resume`, {});
  let first = null;
  for (;;) {
    const stats = await observability("GET", queuePath);
    const done = stats.totals.acked - base;
    // After a pause, a worker may sleep for up to its poll interval. So the first tenth of the tasks is not measured.
    if (first === null && done >= count * 0.1) first = { done, at: stats.at };
    if (done >= count) return ((done - first.done) * 1_000) / (stats.at - first.at);
    await delay(20);
  }
}

async function measure(workers) {
  await stack.runWorkers(workers, { WORKER_CONCURRENCY: "10" });
  const rate = await drainRate(perWorker * workers);
  console.log(`${workers} ${workers === 1 ? "worker " : "workers"}: ${Math.round(rate)} tasks/s`);
  return rate;
}

// If the queue does not exist, its first task creates it.
await observability("GET", queuePath).catch(async (error) => {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
  await enqueue(1);
});
const restore = await borrowWorkers(stack, 1, { WORKER_CONCURRENCY: "10" });
try {
  const one = await measure(1);
  const eight = await measure(many);
  console.log(`${many} workers against 1: ${(eight / one).toFixed(2)} times as fast`);
  console.log(
    JSON.stringify({
      workers: many,
      one: Math.round(one),
      many: Math.round(eight),
      ratio: Number((eight / one).toFixed(2)),
    }),
  );
} finally {
  await observability("POST", `${queuePath}/resume`, {});
  await restore();
}
process.exit(0);
