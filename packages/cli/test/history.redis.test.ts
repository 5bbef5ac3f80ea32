import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor, start } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
let observer: Observer;
const { cli, withInput, json } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  observer = new Observer({ client });
});
afterAll(async () => {
  await client.close();
  await redis.stop();
});

interface Left {
  action: string;
  queue: string | null;
  subject: string | null;
  count: number;
  outcome: string;
  code: string | null;
}
/**
 * Returns the audit records of a queue, oldest first, one line each. If the queue is null: the records that concern
 * no queue.
 */
async function recordsOf(queue: string | null): Promise<string[]> {
  const records = (await json<Left[]>("history", "--limit", "100")).filter((left) => left.queue === queue);
  return records
    .map(({ action, subject, count, outcome, code }) => [action, subject, count, outcome, code].join(" "))
    .reverse();
}

test("enqueues from a terminal are in the history with their counts, never with a payload", async () => {
  const secret = "canary-of-a-payload";
  await json("enqueue", "logged", "t", JSON.stringify(secret), "--id", "one");
  await json("enqueue", "logged", "t", JSON.stringify(secret), "--id", "one");
  const { id } = await json<{ id: string }>("enqueue", "logged", "t");
  expect((await cli("enqueue", "logged", "t", "1", "--id", "one")).code).toBe(4);
  const lines = ['{"type":"t","payload":1}', '{"type":"t","id":"one","payload":2}', "{", ""].join("\n");
  expect((await withInput(lines, "enqueue", "logged", "--ndjson", "-")).code).toBe(1);
  await json("burst", "logged", "--tasks", "700");
  expect((await cli("task", "cancel", "logged", "one")).code).toBe(0);
  expect((await cli("audit", "logged", "--repair")).code).toBe(0);
  expect((await cli("audit", "logged")).code).toBe(0);
  expect(await recordsOf("logged")).toEqual([
    "task.enqueue one 1 succeeded ",
    "task.enqueue one 0 succeeded ",
    `task.enqueue ${id} 1 succeeded `,
    "task.enqueue one 0 refused task_conflict",
    "task.enqueue_batch  1 refused invalid_json",
    "queue.burst  700 succeeded ",
    "task.cancel one 1 succeeded ",
    "queue.repair  0 succeeded ",
  ]);
  expect((await cli("history", "--all")).stdout).not.toContain(secret);
});

test("an interrupted burst records how many tasks it enqueued", async () => {
  const running = start(["burst", "cut", "--tasks", "1000000"], { REDIS_URL: redis.url });
  await until("some tasks of the burst are enqueued", async () => {
    const cut = (await observer.snapshot()).find(({ queue }) => queue === "cut");
    return (cut?.totals.enqueued ?? 0) > 0;
  });
  running.child.kill("SIGINT");
  expect((await running.ended).code).not.toBe(0);
  const { enqueued } = (await observer.stats("cut")).totals;
  expect(enqueued).toBeLessThan(1_000_000);
  expect(await recordsOf("cut")).toEqual([`queue.burst  ${enqueued} cancelled `]);
});

test("schedules, workers and keys are in the history by their names", async () => {
  await json("schedule", "put", "nightly", "reports", "@daily", "report");
  await json("schedule", "run", "nightly");
  await json("schedule", "pause", "nightly");
  await json("schedule", "resume", "nightly");
  await json("schedule", "rm", "nightly");
  expect((await cli("schedule", "rm", "nightly")).code).toBe(3);
  expect(await recordsOf("reports")).toEqual([
    "schedule.put nightly 0 succeeded ",
    "schedule.run nightly 1 succeeded ",
    "schedule.pause nightly 0 succeeded ",
    "schedule.resume nightly 0 succeeded ",
    "schedule.delete nightly 0 succeeded ",
  ]);
  const { id, key } = await json<{ id: string; key: string }>(
    ...["key", "create", "--label", "ci", "--scope", "read"],
  );
  await json("key", "revoke", id);
  expect((await cli("key", "revoke", id)).code).toBe(3);
  const worker = new Worker("reports", { report: () => {} }, { redis: redis.url });
  await worker.start();
  await json("worker", "drain", worker.id);
  await json("worker", "resume", worker.id);
  await worker.stop();
  expect((await cli("worker", "drain", "nobody")).code).not.toBe(0);
  expect(await recordsOf(null)).toEqual([
    "schedule.delete nightly 0 refused not_found",
    `key.create ${id} 0 succeeded `,
    `key.revoke ${id} 0 succeeded `,
    `key.revoke ${id} 0 refused not_found`,
    `worker.drain ${worker.id} 0 succeeded `,
    `worker.resume ${worker.id} 0 succeeded `,
    "worker.drain nobody 0 refused not_found",
  ]);
  expect((await cli("history", "--all")).stdout).not.toContain(key.slice(16));
});
