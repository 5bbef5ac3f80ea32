import { Janitor, Worker } from "holdfast";
import { handlers, QUEUE, redis } from "./tasks.js";

const worker = new Worker(QUEUE, handlers, { redis, concurrency: 10 });
worker.on("error", (error) => console.error(error.message));

// At least one janitor has to run: it takes back the tasks of dead workers and starts delayed tasks.
const janitor = new Janitor({ redis });
janitor.on("error", (error) => console.error(error.message));

await Promise.all([worker.start(), janitor.start()]);
console.log(`The worker takes tasks of the queue ${QUEUE}. Ctrl-C ends it.`);

const stop = async (): Promise<void> => {
  await worker.stop({ graceMs: 10_000 });
  await janitor.stop();
};
process.once("SIGINT", stop);
process.once("SIGTERM", stop);
