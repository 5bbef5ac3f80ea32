import { setTimeout as sleep } from "node:timers/promises";
import { Queue } from "holdfast";
import { httpWorkers, missingLanguage, workerApi } from "../../chaos/harness/http-workers.mjs";

const IDLE_MS = 60_000;
const MOST_REQUESTS = 2;
const TASKS = 200;
const EVERY_MS = 50;
const BOUND_MS = 5;

export const number = 10;
export const name = "idle";
export const check = `an idle worker over HTTP, in Python and in Go, for ${IDLE_MS / 1_000} s; then ${TASKS} tasks, one at a time`;
export const expected = `at most ${MOST_REQUESTS} requests a minute; half of the tasks start within ${BOUND_MS} ms after the call that enqueues them`;
export const waits = true;
export const skip = missingLanguage;

const mono = () => Number(process.hrtime.bigint()) / 1e6;

/** Returns how many requests of workers an API has answered. */
async function answered(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = [...text.matchAll(/^holdfast_http_request_duration_seconds_count\{([^}]*)\} (\d+)/gm)];
  return counts.reduce((sum, [, labels, count]) => sum + (labels.includes("/work/") ? Number(count) : 0), 0);
}

async function measure(ctx, redis, language, program) {
  const api = await workerApi(ctx, redis.url, `worker-api-${language}`);
  await api.start().turns(200, 15_000);
  const queue = `${ctx.queueName}-${language}`;
  const options = { queue, api: api.url, leaseMs: 30_000, concurrency: 20 };
  const worker = await ctx.actor(`http-worker-${language}`, options, { program }).ready();
  const producer = new Queue(queue, { redis: redis.url });
  ctx.onClose(() => producer.close());
  await producer.ready();
  // By now the first poll has begun, and the first heartbeats are over.
  await sleep(2_000);
  const before = await answered(api.url);
  await sleep(IDLE_MS);
  const requests = (await answered(api.url)) - before;
  ctx.expect(requests <= MOST_REQUESTS, `the worker in ${language} made ${requests} requests`);
  const calledAt = new Map();
  for (let n = 0; n < TASKS; n++) {
    const at = mono();
    const { id } = await producer.enqueue("sleep", { ms: 0 });
    calledAt.set(id, at);
    await sleep(EVERY_MS);
  }
  const took = worker.heard("run", { phase: "invoke" }).map((line) => line.mono - calledAt.get(line.id));
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.floor(share * took.length)]?.toFixed(1);
  ctx.expect(took.length === TASKS, `the worker in ${language} ran ${took.length} of ${TASKS} tasks`);
  ctx.expect(at(0.5) <= BOUND_MS, `half of the tasks in ${language} took ${at(0.5)} ms to start`);
  return `${language}: ${requests} requests; start after p50 ${at(0.5)}, p95 ${at(0.95)} ms`;
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const seen = Object.entries(httpWorkers(ctx)).map(([language, program]) =>
    measure(ctx, redis, language, program),
  );
  return (await Promise.all(seen)).join("; ");
}
