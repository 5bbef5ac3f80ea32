// Sends mails over two providers with different limits:
//
//   node start.mjs [mails for each provider]
import { Observer, Queue, Worker } from "holdfast";
import { enqueueMail, handlersFor, PROVIDERS, setLimits } from "./emails.mjs";
import { startProvider } from "./provider.mjs";

const redis = process.env.REDIS_URL || "redis://127.0.0.1:6379";
const count = Number(process.argv[2] ?? 10);
const providers = {};
for (const name of Object.keys(PROVIDERS)) providers[name] = await startProvider();

const queue = new Queue("example-emails", { redis });
const observer = new Observer({ redis });
const urls = Object.fromEntries(Object.entries(providers).map(([name, { url }]) => [name, url]));
const worker = new Worker(queue.name, handlersFor(urls), { redis, janitor: true, concurrency: 20 });
worker.on("error", (error) => console.error(error.message));

await setLimits(queue, observer);
const mails = Object.keys(PROVIDERS).flatMap((provider) =>
  Array.from({ length: count }, (_, n) => ({ provider, to: `customer-${n}@example.com` })),
);
mails.push({ provider: "quickmail", to: "nowhere" });
const run = Date.now();
const ids = await Promise.all(
  mails.map(async (mail, n) => (await enqueueMail(queue, { id: `mail-${run}-${n}`, ...mail })).id),
);
await worker.start();
for (const id of ids) {
  let task = await queue.result(id, { waitMs: 30_000 });
  while (task && !["completed", "dead"].includes(task.state))
    task = await queue.result(id, { waitMs: 30_000 });
  if (task?.state === "dead") console.log(`dead: ${task.lastError.split("\n", 1)[0]}`);
}
for (const [name, { sent, times }] of Object.entries(providers)) {
  const seconds = (times.at(-1) - times[0]) / 1_000;
  console.log(`${name}: ${sent.size} mails in ${seconds.toFixed(1)} s`);
}
await Promise.all([worker.stop(), observer.close(), queue.close()]);
await Promise.all(Object.values(providers).map((provider) => provider.close()));
