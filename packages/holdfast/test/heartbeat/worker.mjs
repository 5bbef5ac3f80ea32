// A worker in a process of its own, for tests that break its heartbeat thread. Its argument is a JSON text of settings.
// It prints what happens, one JSON text per line.
import { Worker } from "../../dist/index.js";

const { redis, prefix, options = {}, runMs = 0, listens = true } = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const worker = new Worker(
  "work",
  {
    t: async (task, { signal }) => {
      tell({ ran: task.id, attempt: task.attempt });
      signal.addEventListener("abort", () => tell({ aborted: task.id, reason: signal.reason.reason }));
      await new Promise((resolve) => setTimeout(resolve, runMs).unref());
    },
  },
  { redis, prefix, pollMs: 50, ...options },
);
if (listens) worker.on("error", ({ code, message }) => tell({ error: code, message }));
worker.on("settled", ({ task, outcome }) => tell({ settled: task.id, outcome }));
const startedAt = performance.now();
try {
  await worker.start();
  tell({ started: true });
} catch ({ code, message }) {
  tell({ refused: code, message, afterMs: performance.now() - startedAt });
  await worker.stop({ graceMs: 0 });
}
process.on("SIGTERM", () => worker.stop({ graceMs: 0 }));
