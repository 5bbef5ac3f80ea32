// Measures the cost per task, of enqueueing and of processing, in queues with different numbers of waiting tasks. The
// queues take turns in a changing order, so that other load on the machine affects all of them.
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast } from "../../packages/holdfast/dist/index.js";
import { open } from "../adapters/holdfast.mjs";
import { rotate } from "../workloads/shared/children.mjs";
import { gatedQueue } from "./gated-queue.mjs";
import { openMeter } from "./meter.mjs";
import { median } from "./statistics.mjs";

const { url, sizes, samples } = JSON.parse(process.argv[2]);
const SAMPLE = 500;
const WARM_SAMPLES = 15;
const QUIET_MS = 20;
const CHUNK = 1_000;
const MOST = 1_000_000;
const BYTES_TASKS = 100_000;
// With the default retention, Redis keeps this many completed tasks.
const COMPLETED = 10_000;
const pad = "x".repeat(96 - JSON.stringify({ i: 1_000_000, pad: "" }).length);
const payloads = (count) => Array.from({ length: count }, (_, i) => ({ i: 1_000_000 + i, pad }));
const results = {};
const meter = await openMeter(url);
const memory = async () => (await meter.read()).memory;

/** Returns the cost per task of a phase, for Redis and for this process. */
async function cost(run) {
  const phase = await meter.before();
  phase.begin();
  await run();
  phase.end();
  return phase.costs(SAMPLE);
}

async function growth() {
  const client = new Holdfast({ redis: url });
  await client.check();
  const queues = sizes.map((size) => ({
    size,
    queue: gatedQueue(`growth-${size}`, { url, client, pad }),
    costs: { ingest: [], process: [] },
  }));
  for (const { size, queue } of queues) {
    await queue.fill(size);
    await queue.start();
  }
  for (let i = 0; i < WARM_SAMPLES + samples; i++) {
    for (const { queue, costs } of rotate(queues, i)) {
      // In this pause, work that the last sample has caused can end.
      await delay(QUIET_MS);
      const ingest = await cost(() => queue.fill(SAMPLE));
      await delay(QUIET_MS);
      const process = await cost(() => queue.pass(SAMPLE));
      if (i < WARM_SAMPLES) continue;
      costs.ingest.push(ingest);
      costs.process.push(process);
    }
  }
  for (const what of ["ingest", "process"]) {
    for (const { size, costs } of queues) {
      const of = (figure) => median(costs[what].map(figure));
      results[`${what}, ${size} waiting`] = {
        redis_us: of((each) => each.redis_us),
        node_us: of((each) => each.node_us),
        total_us: of((each) => each.redis_us + each.node_us),
        tasks_per_s: of((each) => each.tasks_per_s),
      };
    }
  }
  for (const { queue } of queues) await queue.stop();
  await client.close();
}

async function waitingBytes(count) {
  await meter.redis.flushall();
  const target = await open({ url, queue: "bytes" });
  // With the first task, Redis loads scripts and creates the fields of the queue. This memory does not belong to a
  // task, so the measurement begins after it.
  await target.bulk(payloads(1));
  const before = await memory();
  for (let at = 0; at < count; at += CHUNK) await target.bulk(payloads(CHUNK));
  const bytes = (await memory()) - before;
  await target.close();
  return bytes / count;
}

async function completedBytes(tasks, options) {
  await meter.redis.flushall();
  const target = await open({ url, queue: "bytes" });
  const before = await memory();
  for (let at = 0; at < COMPLETED; at += CHUNK) await target.bulk(tasks.slice(at, at + CHUNK), options);
  let done = 0;
  let finish;
  const finished = new Promise((resolve) => {
    finish = resolve;
  });
  const worker = await target.worker({
    concurrency: 50,
    handler: async () => {},
    onDone: () => {
      if (++done === COMPLETED) finish();
    },
  });
  worker.start();
  await finished;
  await worker.stop();
  const bytes = (await memory()) - before;
  await target.close();
  return bytes / COMPLETED;
}

await meter.redis.flushall();
await growth();
results[`bytes, ${MOST} waiting`] = { megabytes: ((await waitingBytes(MOST)) * MOST) / 1e6 };
results.bytes = {
  waiting: await waitingBytes(BYTES_TASKS),
  completed_with_payload: await completedBytes(payloads(COMPLETED)),
  completed_without_payload: await completedBytes(payloads(COMPLETED), { keepPayload: false }),
};
await meter.redis.flushall();
meter.close();
process.stdout.write(`\n${JSON.stringify(results)}\n`, () => process.exit(0));
