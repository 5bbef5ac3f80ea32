// Receives webhooks at POST http://127.0.0.1:8081/ and forwards each one to all targets:
//
//   SECRET=… node start.mjs https://one.example/hook https://two.example/hook
import { Queue, Worker } from "holdfast";
import { createIntake, handlersFor } from "./relay.mjs";

const redis = process.env.REDIS_URL || "redis://127.0.0.1:6379";
const { SECRET: secret, PORT: port = "8081" } = process.env;
const urls = Object.fromEntries(process.argv.slice(2).map((url, at) => [`target-${at + 1}`, url]));
if (!secret || Object.keys(urls).length === 0) {
  console.error("usage: SECRET=<shared with the sender> node start.mjs <url of a target> …");
  process.exit(2);
}

const queue = new Queue("example-webhooks", { redis });
const worker = new Worker(queue.name, handlersFor(urls), {
  redis,
  janitor: true,
  concurrency: 20,
  maxRetries: 10,
  backoff: { kind: "exponential", baseMs: 1_000, maxMs: 600_000 },
});
worker.on("error", (error) => console.error(error.message));

const intake = createIntake({ queue, secret, targets: Object.keys(urls) });
await Promise.all([queue.ready(), worker.start()]);
intake.listen(Number(port), "127.0.0.1", () => console.log(`webhooks are taken in at port ${port}`));

async function stop() {
  await new Promise((resolve) => intake.close(resolve));
  await worker.stop({ graceMs: 15_000 });
  await queue.close();
}
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, stop);
