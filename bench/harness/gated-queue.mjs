import { Queue, Worker } from "../../packages/holdfast/dist/index.js";

const CHUNK = 1_000;

/**
 * Makes a queue whose worker waits at a gate. Each sample lets a number of tasks through, so the same number of tasks
 * waits before and after it.
 */
export function gatedQueue(name, { url, client, pad }) {
  const queue = new Queue(name, { client });
  let left = 0;
  let settled = 0;
  let goal = Number.POSITIVE_INFINITY;
  let reached;
  let open;
  let gate;
  const close = () => {
    gate = new Promise((resolve) => {
      open = resolve;
    });
  };
  close();
  const bench = async () => {
    while (left <= 0) await gate;
    left--;
  };
  const worker = new Worker(name, { bench }, { redis: url, concurrency: 50 });
  worker.on("error", (error) => console.error(error.message));
  worker.on("settled", () => {
    if (++settled === goal) reached();
  });
  return {
    start: () => worker.start(),
    async fill(count) {
      for (let at = 0; at < count; at += CHUNK) {
        const size = Math.min(CHUNK, count - at);
        const results = await queue.enqueueMany(
          Array.from({ length: size }, (_, i) => ({
            type: "bench",
            payload: { i: 1_000_000 + at + i, pad },
          })),
        );
        if (results.some((result) => !result.ok)) throw new Error("an enqueue was refused");
      }
    },
    /** Lets `count` tasks through the gate. Resolves when all of them are settled. */
    pass(count) {
      const done = new Promise((resolve) => {
        reached = resolve;
      });
      goal = settled + count;
      left = count;
      const opened = open;
      close();
      opened();
      return done;
    },
    async stop() {
      await worker.stop({ graceMs: 0 });
      await queue.close();
    },
  };
}
