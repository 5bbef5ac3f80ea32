// Runs a worker of the library in a separate process. Its history contains only its calls to Redis, and only if the
// check needs them, because the records of the tasks show everything else.
import { setTimeout as sleep } from "node:timers/promises";
import { options, tell } from "../../chaos/actors/tell.mjs";

// `root` is the folder of another version of the library.
const { queue, root, tellScripts = false, ...settings } = options;
const { Queue, RateLimited, Worker } = await import(
  root ? `${root}/packages/holdfast/dist/index.js` : "holdfast"
);
const handlers = {
  sleep: (task) => sleep(task.payload.ms),
  cancellable: (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true })),
  /** The first attempt of the task throws RateLimited. */
  limited: async ({ payload, releases }) => {
    await sleep(payload.ms);
    if (refused.has(payload.name)) return;
    refused.add(payload.name);
    tell("limited", "invoke", { name: payload.name, releases });
    throw new RateLimited(payload.holdMs);
  },
  /** Returns the value in its payload. The handler `sum` of another node adds these values up. */
  value: async ({ payload }) => {
    await sleep(payload.ms);
    return payload.value;
  },
  sum: async (_, ctx) => {
    const seen = { children: 0, sum: 0 };
    for await (const { result } of ctx.children({ where: { state: "completed" } })) {
      seen.children++;
      seen.sum += result;
    }
    return seen;
  },
  nothing: () => {},
  /** A chain without a flow: each task enqueues the next task. */
  next: async ({ payload: left }) => {
    producer ??= new Queue(queue, { redis: settings.redis });
    if (left > 0) await producer.enqueue("next", left - 1);
  },
  fails: () => {
    throw new Error("fails");
  },
  kills: () => process.kill(process.pid, "SIGKILL"),
};
const refused = new Set();
let producer;
const onScript = (script) => tell("script", "ok", { script });
const worker = new Worker(queue, handlers, { ...settings, ...(tellScripts ? { onScript } : {}) });
worker.on("error", (error) => tell("error", "info", { code: error.code, message: error.message }));
process.on("SIGTERM", async () => {
  await worker.stop({ graceMs: 500 });
  process.exit(0);
});
await worker.start();
tell("process", "invoke", { what: "ready", workerId: worker.id });
