// Puts a second queue under full load: one process enqueues and runs empty tasks as fast as it can.
import { Queue, Worker } from "../../../packages/holdfast/dist/index.js";
import { readArgs, serveParent } from "../shared/children.mjs";
import { clockMs } from "./systems.mjs";

const { url, prefix } = readArgs();
const options = { redis: url, prefix: `${prefix}load` };
const BATCH = 500;
const AHEAD = 2_000;
const batch = Array.from({ length: BATCH }, () => ({ type: "noop", payload: "x".repeat(94) }));

let done = 0;
let enqueued = 0;
let open = true;
const queue = new Queue("load", options);
const worker = new Worker("load", { noop: () => void done++ }, { ...options, concurrency: 50 });
await worker.start();

async function feed() {
  while (open) {
    if (enqueued - done >= AHEAD) await new Promise(setImmediate);
    else {
      enqueued += BATCH;
      await queue.enqueueMany(batch);
    }
  }
}
const feeding = feed();

serveParent(
  async () => ({ done, atMs: clockMs() }),
  async () => {
    open = false;
    await feeding;
    await worker.stop({ graceMs: 1_000 });
    await queue.close();
  },
);
