// Runs a worker that fails every task for good. Rows of the fault matrix that need many dead letters use it. It
// writes no history.
import { FatalError, Worker } from "holdfast";
import { options, tell } from "./tell.mjs";

const fatal = () => {
  const error = new FatalError("fails for good");
  error.stack = error.message;
  throw error;
};
const worker = new Worker(options.queue, { fatal }, { redis: options.redis, concurrency: 1_000 });
process.on("SIGTERM", async () => {
  await worker.stop({ graceMs: 500 });
  process.exit(0);
});
await worker.start();
tell("process", "invoke", { what: "ready" });
