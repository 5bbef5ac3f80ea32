import { createRequire } from "node:module";
import BeeQueue from "bee-queue";

const redis = createRequire(createRequire(import.meta.url).resolve("bee-queue"))("redis");

export const clientCalls = [[redis.RedisClient.prototype, "internal_send_command"]];

// The README of bee-queue recommends `saveAll` for many jobs. It says that `isWorker`, `getEvents`, `sendEvents`,
// `storeJobs` and `activateDelayedJobs` "should be disabled if you don't need them"; they cost connections, publishes
// and memory. `removeOnSuccess` is on, because it is cheaper for Redis and Node than to keep completed jobs (measured,
// see our README.md). Failed jobs are kept.
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
  // By default bee-queue retries a job at once ("immediate").
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
        // These options are set only if the run has jobs with `delayUntil`. With the default debounce of 1 s, such
        // jobs would be late.
        ...(delayed ? { activateDelayedJobs: true, delayedDebounce: 20 } : {}),
        isWorker: true,
      });
      workers.on("error", (error) => console.error("bee-queue:", error.message));
      // These events are local, and are emitted after the transaction of the job. "failed" is emitted before every
      // retry as well.
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
        // This process counts the completed jobs, because Redis does not count removed jobs.
        completed: succeeded,
        failed: health.failed,
      };
    },
    close: () => queue.close(),
  };
}
