// Runs a worker whose tasks do nothing, and reports its memory after a full collection.
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "../../../packages/holdfast/dist/index.js";
import { readArgs, serveParent } from "../shared/children.mjs";

let done = 0;
const worker = new Worker("memory", { noop: () => void done++ }, { ...readArgs(), concurrency: 50 });
await worker.start();

serveParent(
  async ({ until }) => {
    // A worker counts as busy until Redis has confirmed all of its verdicts.
    while (done < until || worker.busy > 0) await delay(20);
    globalThis.gc();
    globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    return { rssMb: rss / 1_048_576, heapMb: heapUsed / 1_048_576 };
  },
  () => worker.stop({ graceMs: 1_000 }),
);
