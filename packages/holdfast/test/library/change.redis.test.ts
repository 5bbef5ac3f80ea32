import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Queue, type TaskChange, Worker } from "../../src/index.ts";
import { afterwards, library } from "../support/library.ts";

const HOUR = 3_600_000;

test("a task is made due now, and a waiting worker gets it at once", async () => {
  const { name, queue, client, redis } = library();
  const { id } = await queue.enqueue("t", 1, { delayMs: HOUR });
  const seen: unknown[] = [];
  const handlers = { t: (task: { payload: unknown }) => void seen.push(task.payload) };
  // This worker polls only every 30 s, so only a wake-up can bring the task in time.
  const worker = new Worker(name, handlers, { redis, pollMs: 30_000 });
  afterwards(() => worker.stop({ graceMs: 1_000 }));
  await worker.start();
  await until("the worker waits", async () => {
    const { keys } = client.engine(name);
    return (await client.connection.command<number>("HEXISTS", keys.state, "#parked")) === 1;
  });
  expect(await queue.change(id, { payload: { n: 2 } })).toEqual({
    id,
    outcome: "changed",
    state: "scheduled",
  });
  expect(await queue.runNow(id)).toEqual({ id, outcome: "changed", state: "pending" });
  await until("the task ran", () => seen.length === 1);
  expect(seen).toEqual([{ n: 2 }]);
  await until("the task is completed", async () => (await queue.get(id))?.state === "completed");
  expect(await queue.runNow(id)).toEqual({ id, outcome: "not_waiting", state: "completed" });
  expect(await queue.get(id)).toMatchObject({ changes: { count: 2, fields: ["runAt", "payload"] } });
});

test("a task that nobody knows is not found", async () => {
  const { queue } = library();
  expect(await queue.change("none", { priority: "high" })).toEqual({ id: "none", outcome: "not_found" });
});

test.each([
  ["nothing", {}, "the change is empty"],
  ["two times", { runAt: 1, delayMs: 1 }, "delayMs and runAt cannot be combined"],
  ["two payloads", { payload: 1, payloadText: "1" }, "payload and payloadText cannot be combined"],
  ["a negative delay", { delayMs: -1 }, "delayMs has to be a whole number"],
  ["an unknown priority", { priority: "urgent" }, "priority has to be high, normal or low"],
  ["an empty key", { key: "" }, "key has to be"],
  ["a field that there is not", { delay: 1 }, "did you mean delayMs?"],
  ["an empty payload text", { payloadText: "" }, "payloadText"],
  ["a lone surrogate", { payloadText: '"\ud800"' }, "lone surrogate"],
] as [string, object, string][])("refuses %s", async (_, change, text) => {
  const { queue, observer, name } = library();
  const { id } = await queue.enqueue("t", 1);
  await expect(queue.change(id, change as TaskChange)).rejects.toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining(text),
  });
  await expect(observer.change(name, [id], change as TaskChange)).rejects.toMatchObject({
    code: "invalid_argument",
  });
  expect(await queue.get(id)).toMatchObject({ changes: null });
});

test("a payload that is too large is refused", async () => {
  const { queue } = library();
  const { id } = await queue.enqueue("t", 1);
  await expect(queue.change(id, { payload: "x".repeat(300_000) })).rejects.toMatchObject({
    code: "payload_too_large",
  });
});

test("all scheduled tasks that match are made due now, including retries, and their next retries are not changed", async () => {
  const { name, queue, observer, redis } = library();
  await queue.enqueueMany(
    Array.from({ length: 600 }, (_, n) => ({ type: n < 550 ? "t" : "u", payload: n, delayMs: HOUR + n })),
  );
  const tries = new Map<unknown, number>();
  const worker = new Worker(
    name,
    {
      t: (task) => {
        tries.set(task.payload, (tries.get(task.payload) ?? 0) + 1);
        if (task.payload === 7) throw new Error("no");
      },
    },
    { redis, concurrency: 20, backoff: () => HOUR },
  );
  afterwards(() => worker.stop({ graceMs: 1_000 }));
  await worker.start();
  expect(await observer.changeAll(name, { type: "t" }, { delayMs: 0 })).toEqual({ changed: 550, skipped: 0 });
  await until("all 550 tasks ran", () => tries.size === 550);
  await until("one task waits for its retry", async () => (await observer.stats(name)).scheduled === 51);
  expect(Math.max(...tries.values())).toBe(1);
  expect(await observer.changeAll(name, {}, { delayMs: 2 * HOUR, priority: "high" })).toEqual({
    ...{ changed: 51, skipped: 0 },
  });
  expect(await observer.changeAll(name, {}, { priority: "high" })).toEqual({ changed: 0, skipped: 51 });
});

test("a change of many tasks takes no payload, no key and no other queue", async () => {
  const { name, queue, observer } = library();
  const ids = ["a", "b"];
  for (const id of ids) await queue.enqueue("t", 1, { id });
  await expect(observer.change(name, ids, { payload: 2 })).rejects.toThrow("exactly one id");
  await expect(observer.changeAll(name, {}, { key: "k" } as TaskChange)).rejects.toThrow("needs ids");
  await expect(observer.changeAll(name, {}, { delayMs: 0 }, { to: "other" } as object)).rejects.toThrow(
    'only a replay can have "to"',
  );
  expect(await observer.change(name, [...ids, "none"], { key: "k" })).toEqual([
    ...ids.map((id) => ({ id, outcome: "changed", state: "pending" })),
    { id: "none", outcome: "not_found" },
  ]);
});

test("in a queue with partitions a task is changed where it is, and gets no key of another partition", async () => {
  const { name, client, observer } = library();
  const queue = new Queue(name, { client, partitions: 4 });
  afterwards(() => queue.close());
  const tasks = Array.from({ length: 40 }, (_, n) => ({
    type: "t",
    payload: n,
    key: `k${n}`,
    delayMs: HOUR,
  }));
  const results = await queue.enqueueMany(tasks);
  const ids = results.map((result) => (result.ok ? result.receipt.id : ""));
  const placeOf = (id: string) => id.split(":")[1];
  const [first = ""] = ids;
  const other = ids.findIndex((id) => placeOf(id) !== placeOf(first));
  const same = ids.findIndex((id, at) => at > 0 && placeOf(id) === placeOf(first));
  await expect(queue.change(first, { key: `k${other}` })).rejects.toMatchObject({ field: "key" });
  await expect(observer.change(name, [first], { key: `k${other}` })).rejects.toMatchObject({ field: "key" });
  expect(await queue.change(first, { key: `k${same}` })).toMatchObject({ outcome: "changed" });
  expect(await observer.changeAll(name, {}, { delayMs: 0 })).toEqual({ changed: 40, skipped: 0 });
  expect(await observer.stats(name)).toMatchObject({ pending: 40, scheduled: 0 });
});
