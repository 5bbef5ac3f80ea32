import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { handlersFor } from "./order.mjs";
import { createShop } from "./shop.mjs";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.stop());

test("the example prints what its README says", async () => {
  const script = fileURLToPath(new URL("start.mjs", import.meta.url));
  const env = { ...process.env, REDIS_URL: redis.url };
  const { stdout } = await promisify(execFile)(process.execPath, [script], { env, timeout: 55_000 });
  const { readFile } = await import("node:fs/promises");
  const readme = await readFile(new URL("README.md", import.meta.url), "utf8");
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

test.each([
  ["nothing fails", {}, "de", ["reserve", "charge", "ship"]],
  ["every service fails once", { reserve: 1, charge: 1, ship: 1 }, "de", ["reserve", "charge", "ship"]],
  [
    "the shipping refuses and the undoing fails twice",
    { ship: 1, refund: 2, release: 1 },
    "xx",
    ["reserve", "charge", "ship", "refund", "release"],
  ],
])("each service does its part once if %s", async (_what, faults, country, calls) => {
  const shop = createShop({ faults: { ...faults } });
  const name = `orders-${country}-${Object.keys(faults).length}`;
  const queue = new Queue(name, { redis: redis.url });
  const options = { redis: redis.url, maxRetries: 10, backoff: { kind: "fixed", baseMs: 10 } } as const;
  const worker = new Worker(name, handlersFor(shop), options);
  await worker.start();
  const { id } = await queue.enqueue("order.place", { article: "lamp", cents: 4_900, country });
  const task = await queue.result(id, { waitMs: 30_000 });
  expect(task?.state).toBe("completed");
  expect(JSON.parse(task?.resultText ?? "")).toMatchObject({ placed: country === "de" });
  expect(shop.calls).toEqual(calls);
  await worker.stop();
  await queue.close();
});
