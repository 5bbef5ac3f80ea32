// One worker process: concurrency 10, handlers of 10 ms.
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "../../../packages/holdfast/dist/index.js";
import { readArgs, serveParent } from "../shared/children.mjs";

const worker = new Worker("scale", { sleep: () => delay(10) }, { ...readArgs(), concurrency: 10 });
await worker.start();
serveParent(
  () => null,
  () => worker.stop({ graceMs: 1_000 }),
);
