// An application that a test bundles and runs in an empty folder. Its arguments are the URL of Redis and a prefix.
import { isolated, Janitor, Queue, Schedules, Worker } from "holdfast";

async function main() {
  const [redis, prefix] = process.argv.slice(2);
  const pool = await isolated("./handlers.mjs", { processes: 1 });
  const queue = new Queue("work", { redis, prefix });
  const worker = new Worker(
    "work",
    {
      // This task runs for longer than its lease, so it needs a heartbeat.
      slow: async () => {
        await new Promise((resolve) => setTimeout(resolve, 1_200));
        return "once";
      },
      ...pool.handlers,
    },
    { redis, prefix, leaseMs: 500, pollMs: 50 },
  );
  const errors = [];
  worker.on("error", ({ message }) => errors.push(message));
  const janitor = new Janitor({ redis, prefix, sweepIntervalMs: 50 });
  await Promise.all([worker.start(), janitor.start()]);
  const ids = [];
  for (const type of ["slow", "apart"]) ids.push((await queue.enqueue(type, 1)).id);
  const [slow, apart] = await Promise.all(ids.map((id) => queue.result(id, { waitMs: 20_000 })));
  await worker.stop({ graceMs: 1_000 });
  await Promise.all([janitor.stop(), pool.close(), queue.close()]);
  const told = {
    slow: [slow.state, slow.resultText, slow.attempts, slow.crashes],
    apart: [apart.state, JSON.parse(apart.resultText) !== process.pid],
    words: Schedules.preview("0 0 * * *").words,
    errors,
    require: typeof globalThis.require,
  };
  console.log(JSON.stringify(told));
}

void main();
