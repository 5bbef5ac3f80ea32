import { FlowProducer, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";

export const clientCalls = [[Redis.prototype, "sendCommand"]];

// docs.bullmq.io recommends `addBulk` for many jobs, the `concurrency` option for asynchronous handlers, and one worker
// per process. By default completed jobs are kept, and to remove them is slower (measured, see our README.md).
export async function open({ url, queue: name }) {
  const connection = { url, maxRetriesPerRequest: null };
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  // `attempts` includes the first attempt. Without `backoff`, BullMQ retries a failed job at once.
  const optionsOf = ({ retries, delayMs }) => ({
    ...(retries === undefined ? {} : { attempts: retries + 1 }),
    ...(delayMs === undefined ? {} : { delay: delayMs }),
  });
  const flows = new FlowProducer({ connection });
  await flows.waitUntilReady();
  return {
    one: (payload, options = {}) => queue.add("bench", payload, optionsOf(options)),
    bulk(payloads, options = {}) {
      const opts = optionsOf(options);
      return queue.addBulk(payloads.map((data) => ({ name: "bench", data, opts })));
    },
    /** Adds a parent with children. The parent runs when all children have completed. */
    flow(children, data) {
      const child = { name: "bench", queueName: name };
      return flows.add({ ...child, data, children: children.map((data) => ({ ...child, data })) });
    },
    // These settings are stored in Redis, and apply to all workers of the queue (docs.bullmq.io).
    async limit({ queue: { concurrency, rate } }) {
      if (concurrency !== undefined) await queue.setGlobalConcurrency(concurrency);
      if (rate !== undefined) await queue.setGlobalRateLimit(rate.limit, rate.periodMs);
    },
    async worker({ concurrency, handler, onDone }) {
      const worker = new Worker(name, (job) => handler(job.data), {
        connection,
        concurrency,
        autorun: false,
      });
      worker.on("error", (error) => console.error("bullmq:", error.message));
      // Both events are emitted after the script that moves the job has answered.
      worker.on("completed", () => onDone(false));
      worker.on("failed", (job) => {
        if (job.attemptsMade >= (job.opts.attempts ?? 1)) onDone(true);
      });
      await worker.waitUntilReady();
      return { start: () => void worker.run(), stop: () => worker.close() };
    },
    async counts() {
      const counts = await queue.getJobCounts();
      return {
        waiting: counts.waiting + counts.delayed + counts.prioritized,
        active: counts.active,
        completed: counts.completed,
        failed: counts.failed,
      };
    },
    async close() {
      await flows.close();
      await queue.close();
    },
  };
}
