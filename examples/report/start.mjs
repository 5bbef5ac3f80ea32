// Makes a report over many shops, one task for each:
//
//   node start.mjs [number of shops, 10,000 by default]
import { Queue, Worker } from "holdfast";
import { handlers, startReport } from "./report.mjs";

const redis = process.env.REDIS_URL || "redis://127.0.0.1:6379";
const shops = Number(process.argv[2] ?? 10_000);
const queue = new Queue("example-reports", { redis });
const options = { redis, janitor: true, concurrency: 100, backoff: { kind: "fixed", baseMs: 100 } };
const worker = new Worker(queue.name, handlers, options);
worker.on("error", (error) => console.error(error.message));
await worker.start();

const began = performance.now();
const id = `report-${Date.now()}`;
const total = await startReport(queue, { id, shops });
let task = await queue.result(total, { waitMs: 30_000 });
while (!["completed", "dead", "cancelled"].includes(task.state)) {
  const { counts } = await queue.getFlow(id);
  console.log(`${counts.completed} of ${counts.total} parts have ended`);
  task = await queue.result(total, { waitMs: 30_000 });
}
console.log(`${task.resultText} after ${((performance.now() - began) / 1_000).toFixed(1)} s`);
await Promise.all([worker.stop(), queue.close()]);
