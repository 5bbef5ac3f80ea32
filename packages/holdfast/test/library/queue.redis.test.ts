import { LIMITS } from "@holdfast/contracts";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Holdfast, Queue, type TaskOptions } from "../../src/index.ts";
import { afterwards, library } from "../support/library.ts";
import { redisUrl } from "../support/setup.ts";

// These tests disturb their server, so they cannot share it with others.
let server: RedisServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});

test("two clients with the same instance name have separate request slots, so the tasks of both are stored", async () => {
  const { name, queue, observer } = library();
  for (const id of ["before", "after"]) {
    const client = new Holdfast({ redis: redisUrl(), instance: "producer-1" });
    const own = new Queue(name, { client });
    expect(await own.enqueue("t", id, { id })).toMatchObject({ id, duplicate: false });
    await own.close();
    await client.close();
  }
  expect(await queue.get("before")).toMatchObject({ payloadText: '"before"' });
  expect(await queue.get("after")).toMatchObject({ payloadText: '"after"' });
  expect((await observer.stats(name)).totals.enqueued).toBe(2);
});

test("a task with a minted id is known when its caller repeats the enqueue with that id after a lost answer", async () => {
  const { name, queue, observer } = library();
  const { id } = await queue.enqueue("t", { n: 1 });
  expect(await queue.enqueue("t", { n: 1 }, { id })).toMatchObject({ id, duplicate: true, state: "pending" });
  await expect(queue.enqueue("t", { n: 2 }, { id })).rejects.toMatchObject({ code: "task_conflict" });
  expect((await observer.stats(name)).totals.enqueued).toBe(1);
});

describe("ready", () => {
  test("registers the queue and reads its durability before the first enqueue", async () => {
    const { queue, observer, name } = library();
    await queue.ready();
    expect(await observer.queues()).toContain(name);
    await observer.configure(name, { durability: "replicated" });
    const client = new Holdfast({ redis: redisUrl() });
    const other = new Queue(name, { client });
    await other.ready();
    // The enqueue is refused at once, because this server has no replica that could confirm the write.
    await expect(other.enqueue("t", 1)).rejects.toMatchObject({ code: "durability_unavailable" });
    await other.close();
    await client.close();
    await observer.configure(name, { durability: "memory" });
  });

  test("fails with the code of the reason", async () => {
    const { queue } = library();
    await queue.close();
    await expect(queue.ready()).rejects.toMatchObject({ code: "closed" });
    const lost = new Queue("q", { redis: { port: 1, commandTimeoutMs: 100 } });
    await expect(lost.ready()).rejects.toMatchObject({ code: "redis_unavailable" });
    await lost.close();
  });
});

describe("a refused task", () => {
  test("of a full queue is not stored, whatever else is in its call, and is accepted once there is room", async () => {
    const { name, queue, observer } = library();
    await observer.configure(name, { maxWaiting: 2 });
    const late = { delayMs: 60_000 };
    await queue.enqueueMany([
      { type: "t", payload: 1 },
      { type: "t", payload: 2, id: "a", ...late },
    ]);
    const results = await queue.enqueueMany([
      { type: "t", payload: 3, id: "b" },
      { type: "t", payload: 4 },
    ]);
    expect(results).toMatchObject([
      { ok: false, id: "b", error: { code: "queue_full", taskId: "b", retryAfterMs: 1_000 } },
      { ok: false, error: { code: "queue_full", taskId: expect.stringMatching(/^.{14}$/) } },
    ]);
    expect(await queue.get("b")).toBeNull();
    expect(await observer.stats(name)).toMatchObject({ pending: 1, scheduled: 1, totals: { enqueued: 2 } });
    expect(await queue.cancel("a")).toBe("cancelled");
    expect(await queue.enqueue("t", 3, { id: "b" })).toMatchObject({ duplicate: false });
  });

  test.each([
    [
      "a payload over the limit by one byte",
      "t",
      `"${"x".repeat(LIMITS.payloadBytes - 1)}"`,
      {},
      "payload_too_large",
    ],
    ["one over it in bytes alone", "t", `"${"é".repeat(LIMITS.payloadBytes / 2)}"`, {}, "payload_too_large"],
    ["an empty id", "t", "1", { id: "" }, "invalid_task_id"],
    ["an id that is a step of a path", "t", "1", { id: "." }, "invalid_task_id"],
    ["an id that is a step up", "t", "1", { id: ".." }, "invalid_task_id"],
    ["an id with a slash", "t", "1", { id: "a/b" }, "invalid_task_id"],
    ["an empty type", "", "1", {}, "invalid_task_type"],
    ["a type with a newline", "t\n", "1", {}, "invalid_task_type"],
    ["an invalid number of retries", "t", "1", { maxRetries: 1.5 }, "invalid_argument"],
    ["an unknown priority", "t", "1", { priority: "urgent" as "high" }, "invalid_argument"],
    ["a fingerprint with a space", "t", "1", { id: "x", fingerprint: "a p=h" }, "invalid_argument"],
    ["a fingerprint with a newline", "t", "1", { id: "x", fingerprint: "a\n" }, "invalid_argument"],
    ["an empty fingerprint", "t", "1", { id: "x", fingerprint: "" }, "invalid_argument"],
  ] satisfies [string, string, string, TaskOptions & { fingerprint?: string }, string][])(
    "for %s leaves nothing behind",
    async (_, type, payloadText, options, code) => {
      const { name, queue, observer } = library();
      await queue.enqueue("t", "known");
      await expect(queue.enqueueText(type, payloadText, options)).rejects.toMatchObject({ code });
      expect((await observer.stats(name)).totals.enqueued).toBe(1);
    },
  );

  test("the largest payload that is allowed is stored", async () => {
    const { queue } = library();
    const payloadText = `"${"x".repeat(LIMITS.payloadBytes - 2)}"`;
    const { id } = await queue.enqueueText("t", payloadText);
    expect((await queue.get(id))?.payloadText === payloadText).toBe(true);
  });
});

test("a given fingerprint decides whether two bodies are the same", async () => {
  const { queue } = library();
  const enqueue = (payload: string, fingerprint: string) =>
    queue.enqueueText("t", payload, { id: "order", fingerprint });
  expect(await enqueue("1", "sha256:abc+/=")).toMatchObject({ duplicate: false });
  expect(await enqueue("2", "sha256:abc+/=")).toMatchObject({ duplicate: true });
  await expect(enqueue("1", "other")).rejects.toMatchObject({ code: "task_conflict" });
  expect(await queue.get("order")).toMatchObject({ payloadText: "1" });
});

test("enqueueMany takes more tasks than one call holds, of every band, and answers in the order given", async () => {
  const { name, queue, observer } = library();
  const kinds: TaskOptions[] = [{}, { priority: "high" }, { priority: "low" }, { delayMs: 60_000 }];
  const results = await queue.enqueueMany(
    Array.from({ length: 1_200 }, (_, i) => ({ type: "t", payload: i, ...kinds[i % 4] })),
  );
  for (const i of [0, 1, 2, 3, 598, 1_199]) {
    const result = results[i];
    expect(result).toMatchObject({ ok: true, receipt: { state: i % 4 === 3 ? "scheduled" : "pending" } });
    const task = await queue.get(result?.ok ? result.receipt.id : "none");
    expect(task).toMatchObject({ payloadText: String(i), priority: kinds[i % 4]?.priority ?? "normal" });
  }
  expect(await observer.stats(name)).toMatchObject({
    pendingByPriority: { high: 300, normal: 300, low: 300 },
    scheduled: 300,
  });
  expect(await queue.enqueueMany([])).toEqual([]);
});

/** Enqueues in waves and calls `disturb` while each is under way, then compares the receipts with the stored tasks. */
async function expectStoredOnce(waves: number, perWave: number, disturb: (wave: number) => Promise<unknown>) {
  const probe = library({ redis: server.url });
  await probe.client.check();
  const sent: Promise<{ id: string; duplicate: boolean }>[] = [];
  for (let wave = 0; wave < waves; wave++) {
    for (let i = 0; i < perWave; i++) sent.push(probe.queue.enqueue("t", wave * perWave + i));
    // The enqueue buffer sends its calls at the end of this turn of the event loop.
    await new Promise(setImmediate);
    await disturb(wave);
    // The new connection has to be up, so that the next wave is disturbed as well.
    await probe.client.ping();
  }
  const receipts = await Promise.all(sent);
  const total = waves * perWave;
  expect(receipts.every(({ duplicate }) => !duplicate)).toBe(true);
  expect(new Set(receipts.map(({ id }) => id)).size).toBe(total);
  const { totals, pending } = await probe.observer.stats(probe.name);
  expect({ pending, enqueued: totals.enqueued }).toEqual({ pending: total, enqueued: total });
  const stored = await admin.lrange(probe.engine.keys.pending, 0, -1);
  expect(stored.sort()).toEqual(receipts.map(({ id }) => id).sort());
}

test("with a SCRIPT FLUSH during 2,000 enqueues each task is stored once", async () => {
  await expectStoredOnce(20, 100, () => admin.script("FLUSH"));
});

test("with connections that are cut during 2,000 enqueues each accepted task is stored once", async () => {
  let killed = 0;
  await expectStoredOnce(20, 100, async () => {
    killed += Number(await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
  });
  expect(killed).toBeGreaterThanOrEqual(20);
});

test("a closed queue refuses every way of enqueueing, and says that it was closed", async () => {
  const { name } = library();
  const queue = new Queue(name, { redis: redisUrl() });
  await queue.close();
  await queue.close();
  const closed = { code: "closed", message: expect.stringContaining(`"${name}" was closed`) };
  await expect(queue.enqueue("t", 1)).rejects.toMatchObject(closed);
  await expect(queue.enqueueText("t", "1")).rejects.toMatchObject(closed);
  await expect(queue.enqueueMany([{ type: "t", payload: 1 }])).rejects.toMatchObject(closed);
  await expect(queue.get("x")).rejects.toMatchObject({ code: "closed" });
});

test("a queue on a shared client leaves the client open", async () => {
  const { client, queue } = library();
  const other = new Queue("another", { client });
  afterwards(() => client.registry.removeQueue("another", async () => true));
  await other.close();
  expect(await queue.enqueue("t", 1)).toMatchObject({ duplicate: false });
});
