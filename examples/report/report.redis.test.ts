import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Janitor, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handlers, startReport } from "./report.mjs";

// With EXAMPLE_SHOPS=10000, this test makes the report of the README. Fewer shops run the same code.
const SHOPS = Number(process.env.EXAMPLE_SHOPS ?? 1_500);

let redis: RedisServer;
let queue: Queue;
let worker: Worker;
let janitor: Janitor;
beforeAll(async () => {
  redis = await startRedisServer();
  queue = new Queue("reports", { redis: redis.url });
  const options = { redis: redis.url, concurrency: 100, backoff: { kind: "fixed", baseMs: 10 } } as const;
  worker = new Worker("reports", handlers, options);
  janitor = new Janitor({ redis: redis.url, queues: ["reports"] });
  await Promise.all([worker.start(), janitor.start()]);
});
afterAll(async () => {
  await worker?.stop();
  await janitor?.stop();
  await queue?.close();
  await redis?.stop();
});

test("the report has every shop once, also those whose first attempt failed", {
  timeout: 300_000,
}, async () => {
  const request = { id: "june", shops: SHOPS, receipts: 3 };
  const total = await startReport(queue, request);
  // A producer that got no answer asks for the same report again.
  expect(await startReport(queue, request)).toBe(total);
  let task = await queue.result(total, { waitMs: 30_000 });
  for (let wait = 0; wait < 8 && task?.state !== "completed"; wait++)
    task = await queue.result(total, { waitMs: 30_000 });
  let cents = 0;
  let best = { shop: 0, cents: -1 };
  for (let shop = 1; shop <= SHOPS; shop++) {
    const own = [1, 2, 3].reduce((sum, receipt) => sum + ((shop * 7_919 + receipt * 104_729) % 10_000), 0);
    cents += own;
    if (own > best.cents) best = { shop, cents: own };
  }
  const report = JSON.parse(task?.resultText ?? "null");
  expect(report).toMatchObject({ shops: SHOPS, cents, best: { cents: best.cents } });
  expect(await queue.getFlow("june")).toMatchObject({ outcome: "success", counts: { completed: SHOPS + 1 } });
  const retried = await queue.get("june.shop-50");
  expect(retried).toMatchObject({ state: "completed", attempts: 2 });
});
