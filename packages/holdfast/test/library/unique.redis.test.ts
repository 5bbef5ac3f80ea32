import type { HoldfastError } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { expect, test } from "vitest";
import { Janitor, Queue, Worker } from "../../src/index.ts";
import { afterwards, library, started } from "../support/library.ts";

const fail = () => {
  throw new Error("no");
};
const unique = { key: "report 7" };

test("the receipt of a second task names the first one, and says that nothing was stored", async () => {
  const { queue } = library();
  const first = await queue.enqueue("t", 1, { unique });
  expect(first).toEqual({
    ...{ id: first.id, state: "pending", duplicate: false, willRun: true, durability: "memory" },
  });
  const second = await queue.enqueue("t", 2, { unique, priority: "high" });
  expect(second).toEqual({ ...first, duplicate: true, deduplicated: true });
  const [third] = await queue.enqueueMany([{ type: "t", payload: 3, unique }]);
  expect(third).toEqual({ ok: true, receipt: second });
});

test("with onConflict reject the error names the task that holds the key", async () => {
  const { queue } = library();
  const { id } = await queue.enqueue("t", 1, { unique });
  const refused = { code: "unique_conflict", heldBy: id, taskId: undefined };
  const again = { unique: { ...unique, onConflict: "reject" } } as const;
  await expect(queue.enqueue("t", 2, again)).rejects.toMatchObject(refused);
  const [result] = await queue.enqueueMany([{ type: "t", payload: 2, ...again }]);
  expect(result).toMatchObject({ ok: false, id: null, error: refused });
});

test("a window that outlives its task says that nothing will run", async () => {
  const { queue, redis, name } = library();
  const options = { unique: { key: "hourly", scope: "window", windowMs: 3_600_000 } } as const;
  const { id } = await queue.enqueue("t", 1, options);
  await started(new Worker(name, { t: () => null }, { redis }));
  expect(await queue.result(id, { waitMs: 20_000 })).toMatchObject({ state: "completed" });
  expect(await queue.enqueue("t", 2, options)).toMatchObject({
    ...{ id, state: "completed", willRun: false, deduplicated: true },
  });
});

test("of many producers that enqueue one key at once, one stores a task and all others name it", async () => {
  const { queue, client, name, observer } = library();
  const producers = Array.from({ length: 20 }, () => new Queue(name, { client }));
  const receipts = await Promise.all(
    producers.flatMap((producer) => Array.from({ length: 200 }, () => producer.enqueue("t", 1, { unique }))),
  );
  const stored = receipts.filter(({ duplicate }) => !duplicate);
  expect(stored.length).toBe(1);
  expect(new Set(receipts.map(({ id }) => id)).size).toBe(1);
  expect((await observer.stats(name)).totals).toMatchObject({ enqueued: 1, deduplicated: 3_999 });
  await queue.close();
});

test("tasks with unique keys, ids and other tasks go through one batch", async () => {
  const { queue } = library();
  const results = await queue.enqueueMany([
    { type: "t", payload: 1 },
    { type: "t", payload: 2, unique },
    { type: "t", payload: 3, id: "given", unique },
    { type: "t", payload: 4, id: "other" },
    { type: "t", payload: 5, delayMs: 60_000, unique: { key: "later" } },
    { type: "t", payload: 6, unique: { key: "later" } },
  ]);
  const told = results.map((result) =>
    result.ok ? (result.receipt.deduplicated ?? "stored") : result.error.code,
  );
  expect(told.filter((what) => what === true).length).toBe(2);
  expect([told[0], told[3]]).toEqual(["stored", "stored"]);
});

test("invalid unique keys are refused, and the error names the field and the remedy", async () => {
  const { queue } = library();
  const refused = async (value: unknown) =>
    queue.enqueue("t", 1, { unique: value as never }).then(
      () => "accepted",
      (error: HoldfastError) => `${error.code}: ${error.message}`,
    );
  expect(await refused({})).toMatch(/^invalid_argument: unique.key is missing/);
  expect(await refused({ key: "" })).toMatch(/unique.key has to be a text of 1 to 128 bytes/);
  expect(await refused({ key: "k", scope: "window" })).toMatch(/scope "window" needs windowMs/);
  expect(await refused({ key: "k", windowMs: 5 })).toMatch(/windowMs needs the scope "window"/);
  expect(await refused({ key: "k", ttl: 5 })).toMatch(/did you mean unique.windowMs/);
  expect(await refused("k")).toMatch(/unique has to be an object such as/);
});

test("in a queue with partitions the unique key chooses the partition, so it is unique over all partitions", async () => {
  const { client } = library();
  const name = `t-${nanoid(12).replaceAll(/[^A-Za-z0-9]/g, "x")}`;
  const queue = new Queue(name, { client, partitions: 4 });
  afterwards(() => queue.close());
  for (let n = 0; n < 20; n++) {
    const key = `k${n}`;
    const { id } = await queue.enqueue("t", n, { unique: { key } });
    const other = new Queue(name, { client });
    expect(await other.enqueue("t", n, { unique: { key } })).toMatchObject({ id, deduplicated: true });
    await other.close();
  }
  for (const other of [{ id: "a" }, { key: "a" }, { partitionKey: "a" }])
    await expect(queue.enqueue("t", 1, { ...other, unique })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(`unique and ${Object.keys(other)[0]} cannot be combined`),
    });
});

test("a replay of many tasks skips and counts those whose unique keys other tasks hold", async () => {
  const { queue, observer, engine, redis, name } = library();
  const keys = Array.from({ length: 600 }, (_, n) => `k${n}`);
  const of = (key: string) => ({ type: "t", payload: 1, maxRetries: 0, unique: { key } });
  await queue.enqueueMany(keys.map(of));
  const fails = new Worker(name, { t: fail }, { redis, concurrency: 100 });
  await fails.start();
  await expect.poll(async () => (await engine.stats()).counters[4], { timeout: 20_000 }).toBe(600);
  await fails.stop({ graceMs: 1_000 });
  await queue.enqueueMany(keys.filter((_, n) => n % 3 === 0).map(of));
  expect(await observer.replayAll(name)).toEqual({ replayed: 400, skipped: 200 });
  expect(await observer.stats(name)).toMatchObject({ pending: 600, dead: 200 });
  const [dead] = (await observer.list(name, { state: "dead", limit: 1 })).tasks;
  const held = { id: dead?.id, outcome: "unique_conflict", heldBy: expect.any(String) };
  expect(await observer.replay(name, [dead?.id ?? ""])).toEqual([held]);
  expect(await observer.replay(name, [dead?.id ?? ""], { force: true })).toMatchObject([
    { outcome: "replayed" },
  ]);
  expect(await observer.replayAll(name, {}, { force: true })).toEqual({ replayed: 199, skipped: 0 });
  // The keys are still held by the tasks that held them before the replay.
  const again = await queue.enqueueMany(keys.map(of));
  expect(again.every((result) => result.ok && result.receipt.deduplicated)).toBe(true);
  await expect(observer.discardAll(name, {}, { force: true })).rejects.toThrow(/are options of replayAll/);
});

test("a replay into another queue takes the unique key there, or names the task that holds it", async () => {
  const { observer, redis, name, queue } = library();
  const target = library();
  const worker = new Worker(name, { t: fail }, { redis });
  const { id } = await queue.enqueue("t", 1, { unique, maxRetries: 0 });
  await worker.start();
  expect(await queue.result(id, { waitMs: 20_000 })).toMatchObject({ state: "dead" });
  await worker.stop({ graceMs: 1_000 });
  const other = await target.queue.enqueue("t", 2, { unique });
  expect(await observer.replay(name, [id], { to: target.name })).toEqual([
    { id, outcome: "unique_conflict", heldBy: other.id },
  ]);
  await target.queue.cancel(other.id);
  const [moved] = await observer.replay(name, [id], { to: target.name });
  expect(moved).toMatchObject({ outcome: "moved" });
  expect(await target.queue.enqueue("t", 3, { unique })).toMatchObject({
    id: moved?.newId,
    deduplicated: true,
  });
});

test("a janitor removes the entries of keys that no task holds", async () => {
  const { queue, client, engine, redis, name } = library();
  const results = await queue.enqueueMany(
    Array.from({ length: 1_000 }, (_, n) => ({ type: "t", payload: n, unique: { key: `k${n}` } })),
  );
  for (const result of results.slice(1)) if (result.ok) await queue.cancel(result.receipt.id);
  const janitor = new Janitor({ redis, queues: [name], sweepIntervalMs: 100 });
  await expect
    .poll(
      async () => {
        await janitor.runOnce();
        return client.connection.command("HLEN", engine.keys.unique);
      },
      { timeout: 20_000 },
    )
    .toBe(1);
});
