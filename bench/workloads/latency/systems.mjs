// The producer and the worker of every system, as its documentation shows them. `work(context, onTask)` starts a worker
// of concurrency 10. `produce(context)` returns a function that enqueues one task.
import { createRequire } from "node:module";
import { Queue as BullmqQueue, Worker as BullmqWorker } from "bullmq";
import { Redis } from "ioredis";
import { Queue, Worker } from "../../../packages/holdfast/dist/index.js";

const require = createRequire(import.meta.url);
const CONCURRENCY = 10;

const addressOf = (url) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });

/** The lowest latency that Redis allows: a task passes through without a lease and without an ack. */
const blmove = {
  async work({ url, prefix }, onTask) {
    const redis = new Redis(url);
    let open = true;
    (async () => {
      while (open) {
        const text = await redis.blmove(`${prefix}list`, `${prefix}taken`, "RIGHT", "LEFT", 0);
        if (text !== null) onTask(JSON.parse(text));
      }
    })().catch(() => {});
    return async () => {
      open = false;
      redis.disconnect();
    };
  },
  async produce({ url, prefix }) {
    const redis = new Redis(url);
    return { send: (data) => redis.lpush(`${prefix}list`, JSON.stringify(data)), close: () => redis.quit() };
  },
};

const holdfast = {
  async work({ url, prefix }, onTask) {
    const worker = new Worker(
      "latency",
      { noop: (task) => onTask(task.payload) },
      { redis: url, prefix: `${prefix}holdfast`, concurrency: CONCURRENCY },
    );
    await worker.start();
    return () => worker.stop({ graceMs: 1_000 });
  },
  async produce({ url, prefix }) {
    const queue = new Queue("latency", { redis: url, prefix: `${prefix}holdfast` });
    return { send: (data) => queue.enqueue("noop", data), close: () => queue.close() };
  },
};

const bullmq = {
  async work({ url, prefix }, onTask) {
    const worker = new BullmqWorker(`${prefix}bullmq`, async (job) => onTask(job.data), {
      connection: { ...addressOf(url), maxRetriesPerRequest: null },
      concurrency: CONCURRENCY,
    });
    await worker.waitUntilReady();
    return () => worker.close();
  },
  async produce({ url, prefix }) {
    const queue = new BullmqQueue(`${prefix}bullmq`, { connection: addressOf(url) });
    await queue.waitUntilReady();
    return {
      send: (data) => queue.add("noop", data, { removeOnComplete: true }),
      close: () => queue.close(),
    };
  },
};

const bull = {
  async work({ url, prefix }, onTask) {
    const Bull = require("bull");
    const queue = new Bull(`${prefix}bull`, url);
    queue.process(CONCURRENCY, async (job) => onTask(job.data)).catch(() => {});
    await queue.isReady();
    return () => queue.close();
  },
  async produce({ url, prefix }) {
    const Bull = require("bull");
    const queue = new Bull(`${prefix}bull`, url);
    await queue.isReady();
    return { send: (data) => queue.add(data, { removeOnComplete: true }), close: () => queue.close() };
  },
};

const beeQueue = {
  async work({ url, prefix }, onTask) {
    const Bee = require("bee-queue");
    const queue = new Bee(`${prefix}bee`, {
      redis: addressOf(url),
      removeOnSuccess: true,
      sendEvents: false,
    });
    queue.process(CONCURRENCY, async (job) => onTask(job.data));
    await queue.ready();
    return () => queue.close(1_000);
  },
  async produce({ url, prefix }) {
    const Bee = require("bee-queue");
    const queue = new Bee(`${prefix}bee`, {
      redis: addressOf(url),
      isWorker: false,
      getEvents: false,
      sendEvents: false,
      storeJobs: false,
      removeOnSuccess: true,
    });
    await queue.ready();
    return { send: (data) => queue.createJob(data).save(), close: () => queue.close(1_000) };
  },
};

export const SYSTEMS = { blmove, "bee-queue": beeQueue, bullmq, bull, holdfast };

/** Returns the monotonic clock of the machine, ms. All processes share this clock. */
export const clockMs = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;
