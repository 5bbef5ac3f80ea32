// Runs a worker whose handlers run in child processes.
import { isolated, Worker } from "holdfast";
import { options, tell } from "../../chaos/actors/tell.mjs";

const { queue, ...settings } = options;
const pool = await isolated(new URL("stuck-handlers.mjs", import.meta.url).href, { processes: 1 });
const worker = new Worker(queue, pool.handlers, { ...settings, concurrency: 1 });
worker.on("settled", ({ outcome }) => tell("settle", "ok", { outcome }));
process.on("SIGTERM", async () => {
  await worker.stop({ graceMs: 500 });
  await pool.close();
  process.exit(0);
});
await worker.start();
tell("process", "invoke", { what: "ready", workerId: worker.id });
