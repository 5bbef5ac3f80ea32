// Runs tasks under limits in a separate process. Prints the costs of the tasks, and whether the limits were kept.
import { setTimeout as delay } from "node:timers/promises";
import { countCalls, openMeter } from "./meter.mjs";
import { mostWithin } from "./statistics.mjs";

/**
 * The arguments:
 * - limits: the limits of the queue and of each key, as Holdfast accepts them
 * - count: how many tasks
 * - keys: how many keys the tasks have; 0: the tasks have no key
 * - workers: how many workers run in this process
 * - concurrency: how many tasks each worker runs at one time
 * - handlerMs: how long a handler runs; 0: until the next turn of the event loop
 * - first, restAfterMs: `first` tasks are enqueued at the start, the others `restAfterMs` later; by default all at
 *   once
 */
const {
  system,
  url,
  limits,
  count,
  keys = 0,
  workers = 1,
  concurrency = 50,
  handlerMs = 0,
  first = count,
  restAfterMs = 0,
} = JSON.parse(process.argv[2]);
const CHUNK = 1_000;
const SPAN_MS = 1_000;

const adapter = await import(`../adapters/${system}.mjs`);
const meter = await openMeter(url);
countCalls(adapter.clientCalls);
const target = await adapter.open({ url, queue: "compare" });
await target.limit(limits);

const pad = "x".repeat(60);
const keyOf = keys === 0 ? undefined : ({ i }) => `key-${i % keys}`;
async function enqueue(from, to) {
  for (let at = from; at < to; at += CHUNK) {
    const size = Math.min(CHUNK, to - at);
    await target.bulk(
      Array.from({ length: size }, (_, n) => ({ i: at + n, pad })),
      { keyOf },
    );
  }
}

const starts = [];
const times = new Uint8Array(count);
// For each key, or for the whole queue: how many tasks run, and which task started last.
const running = new Map();
const last = new Map();
let mostAtOnce = 0;
let outOfOrder = 0;
let done = 0;
let finish;
const finished = new Promise((resolve) => {
  finish = resolve;
});
async function handler({ i }) {
  const scope = keyOf ? i % keys : "";
  starts.push(performance.now());
  times[i]++;
  const atOnce = (running.get(scope) ?? 0) + 1;
  running.set(scope, atOnce);
  mostAtOnce = Math.max(mostAtOnce, atOnce);
  if (i < (last.get(scope) ?? -1)) outOfOrder++;
  last.set(scope, i);
  if (handlerMs > 0) await delay(handlerMs);
  else await new Promise((resolve) => setImmediate(resolve));
  running.set(scope, running.get(scope) - 1);
}
function onDone() {
  if (++done === count) finish();
}

await enqueue(0, first);
const started = [];
for (let n = 0; n < workers; n++) started.push(await target.worker({ concurrency, handler, onDone }));
const measured = await meter.before();
measured.begin();
for (const worker of started) worker.start();
if (first < count) {
  await delay(restAfterMs);
  await enqueue(first, count);
}
await finished;
measured.end();
const costs = await measured.costs(count);
for (const worker of started) await worker.stop();
const counts = await target.counts();
const once = times.reduce((sum, each) => sum + (each === 1 ? 1 : 0), 0);
const left = counts.waiting + counts.active + counts.failed;
if (once !== count || done !== count || left !== 0 || counts.completed !== count)
  throw new Error(
    `${system}: ${count} tasks, ${once} ran once, ${done} settled; the queue says ${JSON.stringify(counts)}`,
  );
await target.close();
await meter.redis.flushall();
meter.close();
const result = {
  tasks_per_s: costs.tasks_per_s,
  redis_us: costs.redis_us,
  node_us: costs.node_us,
  total_us: costs.redis_us + costs.node_us,
  client_calls: costs.client_calls,
  most_at_once: mostAtOnce,
  most_in_1_s: mostWithin(starts, SPAN_MS),
  out_of_order: outOfOrder,
};
process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0));
