// Runs a worker of the soak test. The payload decides what happens to a task, so that the checker knows the right
// outcome. The first `f` attempts fail, so a task with an `f` of 4 becomes a dead letter. `r` is the probability that
// any attempt fails.
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "holdfast";
import { options, tell } from "./tell.mjs";

const failure = (text) => Object.assign(new Error(text), { stack: `Error: ${text}` });
const worker = new Worker(
  options.queue,
  {
    soak: async ({ payload, attempt }) => {
      await sleep(payload.ms);
      if (attempt <= (payload.f ?? 0)) throw failure("fails for certain");
      if (Math.random() < (payload.r ?? 0)) throw failure("fails by chance");
    },
  },
  {
    redis: options.redis,
    leaseMs: 1_000,
    pollMs: 100,
    concurrency: 100,
    backoff: { baseMs: 100, maxMs: 2_000 },
  },
);
worker.on("error", () => {});
for (;;) {
  try {
    await worker.start();
    break;
  } catch {
    await sleep(100);
  }
}
tell("process", "invoke", { what: "ready" });
