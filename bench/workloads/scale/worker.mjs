// Runs one worker process with concurrency 10 and handlers that take 10 ms.
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "../../../packages/holdfast/dist/index.js";
import { readArgs, serveParent } from "../shared/children.mjs";

const worker = new Worker("scale", { sleep: () => delay(10) }, { ...readArgs(), concurrency: 10 });
await worker.start();
serveParent(
  () => null,
  () => worker.stop({ graceMs: 1_000 }),
);
