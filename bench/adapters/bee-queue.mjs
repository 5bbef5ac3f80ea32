import { createRequire } from "node:module";
import BeeQueue from "bee-queue";

const redis = createRequire(createRequire(import.meta.url).resolve("bee-queue"))("redis");

export const clientCalls = [[redis.RedisClient.prototype, "internal_send_command"]];

// README: `saveAll` pipelines many jobs; `isWorker`, `getEvents`, `sendEvents`, `storeJobs` and `activateDelayedJobs`
// cost connections, publishes and memory and "should be disabled if you don't need them". Removing succeeded jobs costs
// Redis and Node less than keeping them (measured: README.md), so `removeOnSuccess` is on. Failed jobs are kept.
const LEAN = {
  removeOnSuccess: true,
  getEvents: false,
  sendEvents: false,
  storeJobs: false,
  activateDelayedJobs: false,
};

export async function open({ url, queue: name, delayed = false }) {
  const settings = { ...LEAN, redis: { url } };
  const queue = new BeeQueue(name, { ...settings, isWorker: false });
  queue.on("error", (error) => console.error("bee-queue:", error.message));
  await queue.ready();
  // The default backoff of a job is "immediate".
  const jobOf = (payload, { retries, delayMs }) => {
    const job = queue.createJob(payload);
    if (retries !== undefined) job.retries(retries);
    if (delayMs !== undefined) job.delayUntil(Date.now() + delayMs);
    return job;
  };
  let succeeded = 0;
  return {
    one: (payload, options = {}) => jobOf(payload, options).save(),
    async bulk(payloads, options = {}) {
      const errors = await queue.saveAll(payloads.map((payload) => jobOf(payload, options)));
      for (const error of errors.values()) throw error;
    },
    async worker({ concurrency, handler, onDone }) {
      const workers = new BeeQueue(name, {
        ...settings,
        // Only jobs with `delayUntil` need these options. The default debounce of 1 s would make such jobs late.
        ...(delayed ? { activateDelayedJobs: true, delayedDebounce: 20 } : {}),
        isWorker: true,
      });
      workers.on("error", (error) => console.error("bee-queue:", error.message));
      // These events are local and come after the transaction. "failed" also comes before every retry.
      workers.on("succeeded", () => {
        succeeded++;
        onDone(false);
      });
      workers.on("failed:fatal", () => onDone(true));
      await workers.ready();
      return {
        start: () => void workers.process(concurrency, (job) => handler(job.data)),
        stop: () => workers.close(5_000),
      };
    },
    async counts() {
      const health = await queue.checkHealth();
      return {
        waiting: health.waiting + health.delayed,
        active: health.active,
        // Redis has no count of removed jobs.
        completed: succeeded,
        failed: health.failed,
      };
    },
    close: () => queue.close(),
  };
}
