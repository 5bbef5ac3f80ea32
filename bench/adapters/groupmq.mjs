import { Queue, Worker } from "groupmq";
import { Redis } from "ioredis";

export const clientCalls = [[Redis.prototype, "sendCommand"]];

// GroupMQ's README recommends `autoBatch`, which sends many adds in one call, 10 by default. By default completed jobs
// are not kept. Every job belongs to a group, and a group runs one job at a time. A worker with a concurrency above 1
// takes jobs of several groups at the same time.
export async function open({ url, queue: name }) {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null });
  await redis.connect();
  const queue = new Queue({ redis, namespace: name, autoBatch: { size: 100, maxWaitMs: 1 } });
  let completed = 0;
  let failed = 0;
  return {
    bulk: (payloads, { keyOf }) =>
      Promise.all(payloads.map((data) => queue.add({ groupId: keyOf(data), data }))),
    async limit({ key }) {
      if (key.concurrency !== 1) throw new Error("groupmq: a group runs one job at a time");
    },
    async worker({ concurrency, handler, onDone }) {
      let worker;
      return {
        // A worker of GroupMQ takes jobs as soon as it was created.
        start() {
          worker = new Worker({ queue, concurrency, handler: (job) => handler(job.data) });
          worker.on("error", (error) => console.error("groupmq:", error.message));
          // The event is emitted after the script that completes the job has answered.
          worker.on("completed", () => {
            completed++;
            onDone(false);
          });
          worker.on("failed", () => {
            failed++;
          });
        },
        stop: () => worker.close(5_000),
      };
    },
    async counts() {
      const { waiting, active } = await queue.getJobCounts();
      // This process counts the ended jobs, because Redis does not count jobs that it does not keep.
      return { waiting, active, completed, failed };
    },
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}
