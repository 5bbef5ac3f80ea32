// Places three orders: one works, one costs too much, and one goes to a country without shipping.
import { Queue, Worker } from "holdfast";
import { handlersFor } from "./order.mjs";
import { createShop } from "./shop.mjs";

const redis = process.env.REDIS_URL || "redis://127.0.0.1:6379";
const queue = new Queue("example-orders", { redis });
const shop = createShop({ faults: { charge: 1, refund: 1 } });
const options = { redis, janitor: true, concurrency: 1, backoff: { kind: "fixed", baseMs: 100 } };
const worker = new Worker(queue.name, handlersFor(shop), options);
worker.on("error", (error) => console.error(error.message));
await worker.start();

const orders = [
  { article: "lamp", cents: 4_900, country: "de" },
  { article: "yacht", cents: 99_999_900, country: "de" },
  { article: "lamp", cents: 4_900, country: "xx" },
];
for (const order of orders) {
  const { id } = await queue.enqueue("order.place", order);
  const { resultText, attempts } = await queue.result(id, { waitMs: 30_000 });
  console.log(`${order.article} to ${order.country}: ${resultText} in ${attempts} attempts`);
  console.log(`  ${shop.calls.splice(0).join(", ")}`);
}
await Promise.all([worker.stop(), queue.close()]);
