import { createRequire } from "node:module";
import Bull from "bull";

// The version of ioredis that Bull depends on. Holdfast uses another major version.
const { Redis } = createRequire(createRequire(import.meta.url).resolve("bull"))("ioredis");

export const clientCalls = [[Redis.prototype, "sendCommand"]];

// Bull's REFERENCE.md recommends `addBulk` for many jobs, and `process(concurrency, handler)` for asynchronous
// handlers. By default completed jobs are kept, and to remove them is slower (measured, see our README.md).
export async function open({ url, queue: name }) {
  const queue = new Bull(name, url);
  queue.on("error", (error) => console.error("bull:", error.message));
  await queue.isReady();
  const optionsOf = ({ retries, delayMs }) => ({
    ...(retries === undefined ? {} : { attempts: retries + 1 }),
    ...(delayMs === undefined ? {} : { delay: delayMs }),
  });
  let workers;
  return {
    one: (payload, options = {}) => queue.add(payload, optionsOf(options)),
    bulk(payloads, options = {}) {
      const opts = optionsOf(options);
      return queue.addBulk(payloads.map((data) => ({ data, opts })));
    },
    async worker({ concurrency, handler, onDone }) {
      workers = new Bull(name, url);
      workers.on("error", (error) => console.error("bull:", error.message));
      // These events are local, and are emitted after the script that moves the job has answered.
      workers.on("completed", () => onDone(false));
      workers.on("failed", (job) => {
        if (job.attemptsMade >= (job.opts.attempts ?? 1)) onDone(true);
      });
      await workers.isReady();
      return {
        start: () => void workers.process(concurrency, (job) => handler(job.data)),
        stop: () => workers.close(),
      };
    },
    async counts() {
      const counts = await queue.getJobCounts();
      return {
        waiting: counts.waiting + counts.delayed,
        active: counts.active,
        completed: counts.completed,
        failed: counts.failed,
      };
    },
    close: () => queue.close(),
  };
}
