import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
let observer: Observer;
const { cli, json } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  observer = new Observer({ client });
});
afterAll(async () => {
  await client.close();
  await redis.stop();
});

const records = async (queue: string) =>
  (
    await json<{ action: string; outcome: string; subject: string | null; count: number }[]>(
      ...["history", "--queue", queue],
    )
  ).map(({ action, outcome, subject, count }) => [action, outcome, subject, count]);

test("a task is changed and run now, a task that ended is a conflict, and the history has the change", async () => {
  const queue = new Queue("one", { client });
  await queue.enqueue("t", 1, { id: "a", delayMs: 3_600_000 });
  const options = ["--delay", "10m", "--priority", "high", "--key", "k", "--payload", '{"n":1.0}'];
  expect(await json("task", "change", "one", "a", ...options)).toEqual([
    { id: "a", outcome: "changed", state: "scheduled" },
  ]);
  expect(await queue.get("a")).toMatchObject({ priority: "high", key: "k", payloadText: '{"n":1.0}' });
  expect((await cli("task", "change", "one", "a", "--now", "--no-key")).code).toBe(0);
  expect(await queue.get("a")).toMatchObject({ state: "pending", key: null });
  expect((await cli("task", "get", "one", "a")).stdout).toContain("runAt, priority, key, payload");
  await queue.cancel("a");
  const late = await cli("task", "change", "one", "a", "--now");
  expect([late.code, late.stdout.includes("not_waiting: cancelled")]).toEqual([4, true]);
  expect((await cli("task", "change", "one", "none", "--now")).code).toBe(3);
  expect(await records("one")).toEqual([
    ["task.change", "succeeded", "none", 0],
    ["task.change", "succeeded", "a", 0],
    ["task.change", "succeeded", "a", 1],
    ["task.change", "succeeded", "a", 1],
  ]);
});

test("an operation runs all matching scheduled tasks now", async () => {
  const queue = new Queue("many", { client });
  await queue.enqueueMany(
    Array.from({ length: 5 }, (_, n) => ({ type: n < 3 ? "t" : "u", payload: n, delayMs: 3_600_000 })),
  );
  const matching = ["task", "change", "many", "--type", "t", "--now"];
  expect(await json(...matching, "--dry-run")).toEqual({ dryRun: true, matched: 3 });
  const asked = await cli(...matching);
  expect([asked.code, asked.stderr.includes("this changes 3 scheduled tasks")]).toEqual([2, true]);
  const done = await json(...matching, "--yes");
  expect(done).toMatchObject({ changed: 3, skipped: 0 });
  expect(await json("operation", "show", String(done.operationId))).toMatchObject({ kind: "change" });
  expect(await json("task", "change", "many", "--all", "--now", "--yes")).toMatchObject({ changed: 2 });
  expect(await observer.stats("many")).toMatchObject({ pending: 5, scheduled: 0 });
});

test.each([
  ["nothing to change", ["a"], "say what to change"],
  ["two times", ["a", "--now", "--delay", "5s"], "cannot be combined"],
  ["no selection", ["--now"], "give one of the three"],
  ["ids and a filter", ["a", "--type", "t", "--now"], "give one of the three"],
  ["a payload for two", ["a", "b", "--payload", "1"], "exactly one id"],
  ["a key for all", ["--all", "--key", "k", "--yes"], "need ids"],
] as const)("refuses %s in one line", async (_, words, text) => {
  await new Queue("refused", { client }).enqueue("t", 1);
  const { code, stderr } = await cli("task", "change", "refused", ...words);
  expect([code, stderr]).toEqual([2, expect.stringContaining(text)]);
});

test("an unknown queue is an error", async () => {
  expect((await cli("task", "change", "nowhere", "--all", "--now", "--yes")).code).toBe(3);
});
