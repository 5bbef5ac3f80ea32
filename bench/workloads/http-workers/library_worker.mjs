// A worker of the library with an empty handler.
import { Worker } from "holdfast";

const worker = new Worker(
  "bench",
  { noop: () => {} },
  { redis: process.env.REDIS_URL, prefix: process.env.QUEUE_PREFIX, concurrency: 250 },
);
await worker.start();
