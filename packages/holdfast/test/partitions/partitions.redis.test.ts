import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import {
  type Handlers,
  Observer,
  Queue,
  type QueueOptions,
  type StaleVerdict,
  Worker,
  type WorkerOptions,
} from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { gate, type System, setupSystem } from "../worker/harness.ts";

const partitionOf = (id: string) => Number(/^p:(\d+):/.exec(id)?.[1]);

function opened(system: System, partitions?: number, name = "hot"): Queue {
  const options: QueueOptions = { redis: system.url, prefix: system.prefix };
  const queue = new Queue(name, partitions === undefined ? options : { ...options, partitions });
  afterwards(() => queue.close());
  return queue;
}

async function setup(partitions = 4) {
  const system = await setupSystem();
  const queue = opened(system, partitions);
  await queue.partitions();
  const observer = new Observer({ client: system.client });
  const works = async (handlers: Handlers, options: Partial<WorkerOptions> = {}) => {
    const worker = new Worker("hot", handlers, {
      redis: system.url,
      prefix: system.prefix,
      pollMs: 10_000,
      watchMs: 50,
      ...options,
    });
    afterwards(() => worker.stop({ graceMs: 2_000 }));
    await worker.start();
    return worker;
  };
  const enqueued = async (tasks: Parameters<Queue["enqueueMany"]>[0]) =>
    (await queue.enqueueMany(tasks)).map((result) => {
      if (!result.ok) throw result.error;
      return result.receipt.id;
    });
  return { system, queue, observer, works, enqueued };
}

test("a burst spreads over all partitions, one worker runs all of its tasks, and the stats are those of one queue", async () => {
  const { system, queue, observer, works, enqueued } = await setup();
  await works({ n: (task) => task.payload });
  const ids = await enqueued(Array.from({ length: 2_000 }, (_, n) => ({ type: "n", payload: n })));
  for (let partition = 0; partition < 4; partition++)
    expect(ids.filter((id) => partitionOf(id) === partition).length).toBeGreaterThanOrEqual(250);
  await until("all tasks are completed", async () => (await observer.stats("hot")).completed === 2_000);
  expect(await queue.get(ids[1_234] as string)).toMatchObject({ queue: "hot", resultText: "1234" });
  expect(await observer.queues()).toEqual(["hot"]);
  expect((await observer.snapshot()).map(({ queue, completed }) => [queue, completed])).toEqual([
    ["hot", 2_000],
  ]);
  expect((await observer.audit("hot")).violations).toEqual([]);
  expect((await system.client.registry.queues()).sort()).toEqual(["hot/0", "hot/1", "hot/2", "hot/3"]);
});

test("a task enqueued alone is found by its id, waited for, and cancelled", async () => {
  const { queue, works } = await setup();
  for (let n = 0; n < 4; n++) {
    const { id } = await queue.enqueue("later", null, { delayMs: 60_000 });
    expect(await queue.get(id)).toMatchObject({ id, state: "scheduled", queue: "hot" });
    expect(await queue.cancel(id)).toBe("cancelled");
  }
  await works({ echo: (task) => task.payload });
  const { id } = await queue.enqueue("echo", "x");
  expect(await queue.result(id)).toMatchObject({ state: "completed", resultText: '"x"' });
  expect(await queue.get("unknown")).toBeNull();
  expect(await queue.get("p:9:V1StGXR8_Z5jdHi6")).toBeNull();
  expect(await queue.cancel("p:9:V1StGXR8_Z5jdHi6")).toBe("not_found");
});

test("a stale verdict is reported under the name of the queue, not of the partition", async () => {
  const { system, queue, observer, works } = await setup();
  const end = gate();
  const worker = await works({ long: () => end.opened }, { concurrency: 1 });
  const stale: StaleVerdict[] = [];
  worker.on("stale", (verdict) => stale.push(verdict));
  const { id } = await queue.enqueue("long", null);
  await until("the task runs", async () => (await queue.get(id))?.state === "processing");
  // With a deadline in the past, the lease can be taken back at once.
  const engine = system.client.engine(`hot/${partitionOf(id)}`);
  await until("the lease is lost", async () => {
    await system.client.connection.command("ZADD", engine.keys.processing, 1, id);
    return (await engine.reap(10)).requeued === 1;
  });
  end.open();
  await until("the verdict is reported", () => stale.length > 0);
  expect(stale).toMatchObject([{ id, queue: "hot", type: "long", attempt: 1 }]);
  expect(await observer.staleVerdicts("hot")).toMatchObject([{ id, queue: "hot" }]);
});

test("an id of the caller is accepted once, and refused beside a partition key or if it names an unknown partition", async () => {
  const { queue } = await setup();
  for (let n = 0; n < 20; n++) {
    const first = await queue.enqueue("t", n, { id: `order-${n}` });
    expect(first).toMatchObject({ id: `order-${n}`, duplicate: false });
    expect(await queue.enqueue("t", n, { id: `order-${n}` })).toMatchObject({ duplicate: true });
    await expect(queue.enqueue("t", -1, { id: `order-${n}` })).rejects.toMatchObject({
      code: "task_conflict",
    });
  }
  await expect(queue.enqueue("t", 0, { id: "a", partitionKey: "b" })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await expect(queue.enqueue("t", 0, { partitionKey: "" })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await expect(queue.enqueue("t", 0, { id: "p:4:V1StGXR8_Z5jdHi6" })).rejects.toMatchObject({
    code: "invalid_task_id",
  });
  const [ok, refused] = await queue.enqueueMany([
    { type: "t", payload: 1 },
    { type: "t", payload: 1, id: "a", partitionKey: "b" },
  ]);
  expect([ok?.ok, refused?.ok]).toEqual([true, false]);
});

test("an enqueue that is repeated with the minted id does not make a second task", async () => {
  const { queue, observer } = await setup();
  const { id } = await queue.enqueue("t", 1, { partitionKey: "k" });
  await queue.enqueue("t", 1, { id }).catch(() => {});
  expect((await observer.stats("hot")).pending).toBe(1);
});

test("tasks of one key are in one partition, and are granted in the order of their enqueues", async () => {
  const { queue, works } = await setup();
  const ids = new Map<string, string[]>();
  for (let n = 0; n < 60; n++) {
    const key = `customer-${n % 6}`;
    const { id } = await queue.enqueue("t", { key, n }, { partitionKey: key });
    ids.set(key, [...(ids.get(key) ?? []), id]);
  }
  const partitions = [...ids.values()].map((own) => new Set(own.map(partitionOf)));
  expect(partitions.map(({ size }) => size)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(new Set(partitions.flatMap((own) => [...own])).size).toBeGreaterThan(1);
  const seen = new Map<string, string[]>();
  await works(
    {
      t: (task) => {
        seen.set(task.payload.key, [...(seen.get(task.payload.key) ?? []), task.id]);
      },
    },
    { concurrency: 1 },
  );
  await until("all tasks ran", () => [...seen.values()].flat().length === 60);
  expect(seen).toEqual(ids);
});

test("when a queue grows, lookups and idempotency hold, and a running worker takes on the new partitions", async () => {
  const { system, queue, observer, works, enqueued } = await setup(2);
  await works({ t: () => "done" });
  const minted = await enqueued(Array.from({ length: 600 }, () => ({ type: "t", payload: 1 })));
  const given = await enqueued(
    Array.from({ length: 50 }, (_, n) => ({ type: "t", payload: n, id: `given-${n}` })),
  );
  await observer.configure("hot", { maxWaiting: 10_000 });
  expect(await observer.partition("hot", 5)).toEqual({ partitions: 5 });
  expect((await observer.stats("hot")).settings.maxWaiting).toBe(25_000);
  const newer = opened(system, 5);
  expect(await newer.partitions()).toBe(5);
  // Producers with the old and with the new number of partitions find each id in the same partition.
  for (const from of [queue, newer]) {
    for (const [n, id] of given.entries())
      expect(await from.enqueue("t", n, { id })).toMatchObject({ id, duplicate: true });
  }
  for (const id of [...minted, ...given]) expect((await newer.result(id))?.state).toBe("completed");
  const results = await newer.enqueueMany(Array.from({ length: 2_500 }, () => ({ type: "t", payload: 2 })));
  const ids = results.map((result) => (result.ok ? result.receipt.id : ""));
  expect(new Set(ids.map(partitionOf))).toEqual(new Set([0, 1, 2, 3, 4]));
  await until("all tasks are completed", async () => (await observer.stats("hot")).completed === 3_150);
  // A producer that was started before the queue grew learns of a new partition from an id that contains its number.
  const latest = ids.find((id) => partitionOf(id) === 4) as string;
  expect((await queue.get(latest))?.state).toBe("completed");
  expect((await observer.audit("hot")).violations).toEqual([]);
});

test("operators that grow a queue at the same time end with the largest number", async () => {
  const { observer } = await setup(2);
  const results = await Promise.allSettled([
    observer.partition("hot", 4),
    observer.partition("hot", 7),
    observer.partition("hot", 7),
  ]);
  expect(results.slice(1).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  expect(await observer.partitions("hot")).toBe(7);
});

test("a queue refuses another number of partitions, fewer partitions, and partitions while it holds a task", async () => {
  const { system, observer } = await setup(4);
  await expect(opened(system, 3).partitions()).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("has 4 partitions, not 3"),
  });
  expect(await opened(system).partitions()).toBe(4);
  await expect(observer.partition("hot", 3)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("they hold tasks"),
  });
  expect(await opened(system, undefined, "none").partitions()).toBeNull();
  expect(() => opened(system, 257, "none")).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  await expect(system.queue("none/0").enqueue("t", 1)).rejects.toMatchObject({ code: "queue_not_found" });
  // A queue that holds a task cannot be partitioned.
  await system.queue("plain").enqueue("t", 1);
  await expect(opened(system, 4, "plain").partitions()).rejects.toMatchObject({ code: "conflict" });
  expect(await observer.partitions("plain")).toBeNull();
  expect(await observer.queues()).toEqual(["hot", "plain"]);
  expect((await observer.stats("plain")).pending).toBe(1);
});

test("an operator acts on all partitions: pause, list, dead letters, delete", async () => {
  const { system, queue, observer, works, enqueued } = await setup();
  let mended = false;
  await works(
    {
      bad: () => {
        if (!mended) throw new Error("broken");
      },
    },
    { maxRetries: 0 },
  );
  const ids = await enqueued(
    Array.from({ length: 40 }, (_, n) => ({ type: "bad", payload: n, partitionKey: `k${n}` })),
  );
  await until("all tasks are dead", async () => (await observer.stats("hot")).dead === 40);
  expect(await observer.countDead("hot", { type: "bad" })).toBe(40);
  expect(await observer.errors(["hot"])).toMatchObject({
    errors: [{ type: "bad", dead: 40, failures: 40 }],
    other: [],
  });
  const listed: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await observer.list("hot", { state: "dead", limit: 7, ...(cursor ? { cursor } : {}) });
    expect(page.tasks.length).toBeLessThanOrEqual(7);
    listed.push(...page.tasks.map(({ id }) => id));
    cursor = page.cursor ?? undefined;
  } while (cursor);
  expect(listed.sort()).toEqual([...ids].sort());
  await expect(observer.list("hot", { state: "dead", cursor: "9~" })).rejects.toMatchObject({
    code: "invalid_cursor",
  });
  expect(await observer.why("hot", ids[0] as string)).toMatchObject({ reason: "terminal" });
  expect(await observer.discard("hot", [ids[0] as string, "unknown", ids[1] as string])).toEqual([
    { id: ids[0], outcome: "discarded" },
    { id: "unknown", outcome: "not_found" },
    { id: ids[1], outcome: "discarded" },
  ]);
  mended = true;
  expect(await observer.replay("hot", [ids[2] as string])).toEqual([{ id: ids[2], outcome: "replayed" }]);
  await system.queue("plain").enqueue("t", 1);
  const progress: number[] = [];
  expect(await observer.replayAll("hot", {}, { onProgress: ({ done }) => progress.push(done) })).toEqual({
    replayed: 37,
    skipped: 0,
  });
  expect(progress.at(-1)).toBe(37);
  await until("all tasks are completed", async () => (await observer.stats("hot")).completed === 38);
  await observer.pause("hot", "why not");
  expect(await observer.stats("hot")).toMatchObject({ paused: true, pauseReason: "why not" });
  const { id } = await queue.enqueue("bad", 1);
  await expect(observer.deleteQueue("nowhere")).rejects.toMatchObject({ code: "queue_not_found" });
  expect(await observer.empty("hot", ["pending"])).toEqual({ removed: 1 });
  expect(await queue.get(id)).toBeNull();
  expect(await observer.deleteQueue("hot")).toEqual({ removed: 38 });
  expect(await observer.queues()).toEqual(["plain"]);
  expect(await observer.partitions("hot")).toBeNull();
});

test("a janitor takes back what a dead worker held in any partition", async () => {
  const { system, queue, works, enqueued } = await setup();
  const ids = await enqueued(
    Array.from({ length: 40 }, (_, n) => ({ type: "t", payload: n, partitionKey: `k${n}` })),
  );
  for (let partition = 0; partition < 4; partition++) await system.grantToNobody(`hot/${partition}`, 40, 300);
  await system.janitor({ sweepIntervalMs: 50 }).start();
  await works({ t: () => "done" });
  for (const id of ids) expect(await queue.result(id)).toMatchObject({ state: "completed", crashes: 1 });
});

test("an empty queue gets partitions with its settings while its producer and its worker run", async () => {
  const system = await setupSystem();
  const options = { redis: system.url, prefix: system.prefix };
  const queue = opened(system);
  const { observer } = system;
  const worker = new Worker("hot", { t: (task) => task.queue }, { ...options, watchMs: 20, pollMs: 100 });
  afterwards(() => worker.stop({ graceMs: 2_000 }));
  await worker.start();
  await queue.ready();
  expect(await queue.partitions()).toBeNull();
  await observer.configure("hot", { retentionCount: 100 });
  expect(await observer.partition("hot", 4)).toEqual({ partitions: 4 });
  expect(await observer.stats("hot")).toMatchObject({ paused: false, settings: { retentionCount: 100 } });
  const results = await queue.enqueueMany(
    Array.from({ length: 40 }, (_, n) => ({ type: "t", payload: n, partitionKey: `k${n}` })),
  );
  const ids = results.map((result) => (result.ok ? result.receipt.id : String(result.error)));
  expect(new Set(ids.map(partitionOf))).toEqual(new Set([0, 1, 2, 3]));
  for (const id of ids) expect(await queue.result(id)).toMatchObject({ resultText: '"hot"' });
  expect((await observer.workers()).map(({ queues }) => queues)).toEqual([["hot"]]);
});

test("a queue that holds a task keeps the task and gets no partitions", async () => {
  const { system, observer } = await setup(2);
  await system.queue("plain").enqueue("t", 1, { id: "a" });
  await expect(observer.partition("plain", 2)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("holds no tasks"),
  });
  expect(await observer.stats("plain")).toMatchObject({ pending: 1, paused: false });
  expect(await observer.partitions("plain")).toBeNull();
});

test("a producer that knew the queue without partitions finds and cancels tasks in the new partitions", async () => {
  const { system, queue } = await setup(2);
  const early = opened(system, undefined, "later");
  expect(await early.get("unknown")).toBeNull();
  const later = opened(system, 3, "later");
  const { id } = await later.enqueue("t", 1);
  expect(await early.get(id)).toMatchObject({ id, queue: "later" });
  expect(await early.cancel(id)).toBe("cancelled");
  expect(await queue.partitions()).toBe(2);
});

test("dead letters that are moved into a queue with partitions are found there", async () => {
  const { system, queue, observer } = await setup(3);
  await system.queue("plain").enqueueMany(["a", "b", "c"].map((id) => ({ type: "bad", payload: id, id })));
  await system.started("plain", { bad: () => Promise.reject(new Error("no")) }, { maxRetries: 0 });
  await until("all tasks are dead", async () => (await observer.stats("plain")).dead === 3);
  const moved = await observer.replay("plain", ["a"], { to: "hot" });
  expect(moved).toEqual([{ id: "a", outcome: "moved", newId: "a.g1" }]);
  expect(await observer.replayAll("plain", {}, { to: "hot" })).toEqual({ replayed: 2, skipped: 0 });
  for (const id of ["a.g1", "b.g1", "c.g1"])
    expect(await queue.get(id)).toMatchObject({ state: "pending", queue: "hot" });
});

test("an enqueue keeps its payload and options if the caller changes them while the queue looks up its partitions", async () => {
  const { system } = await setup(2);
  const queue = opened(system);
  const payload = { n: 1 };
  const options = { tags: ["a"], delayMs: 60_000 };
  const stored = queue.enqueue("t", payload, options);
  payload.n = 2;
  options.tags[0] = "b";
  const { id } = await stored;
  expect(await queue.get(id)).toMatchObject({ payloadText: '{"n":1}', tags: ["a"], state: "scheduled" });
});

test("the heartbeats cover new partitions, so a long task in one of them keeps its lease", async () => {
  const { system, observer, works } = await setup(1);
  const end = gate();
  await works({ long: () => end.opened }, { leaseMs: 300, concurrency: 8 });
  await system.janitor({ sweepIntervalMs: 20 }).start();
  await observer.partition("hot", 4);
  const queue = opened(system);
  const ids: string[] = [];
  for (let n = 0; n < 12; n++) ids.push((await queue.enqueue("long", n, { partitionKey: `k${n}` })).id);
  expect(new Set(ids.map(partitionOf)).size).toBeGreaterThan(1);
  await until("eight tasks run", async () => (await observer.stats("hot")).processing === 8);
  const since = Date.now();
  await until("four leases are over", async () => Date.now() - since > 1_200);
  expect((await observer.stats("hot")).totals).toMatchObject({ crashed: 0, stale: 0 });
  end.open();
  for (const id of ids) expect(await queue.result(id)).toMatchObject({ state: "completed", attempts: 1 });
});

test("a queue that gets partitions still counts against the limit of its maker, until it is deleted", async () => {
  const { client, observer } = await setupSystem();
  const maker = { who: "somebody", most: 1 };
  await client.registry.addQueue("made", { maker });
  await observer.partition("made", 3);
  await expect(client.registry.addQueue("another", { maker })).rejects.toMatchObject({
    code: "rate_limited",
  });
  await observer.pause("made");
  await observer.deleteQueue("made");
  await client.registry.addQueue("another", { maker });
});

test("when a queue gets partitions, its worker neither stalls because of the removed part nor keeps slots for it", async () => {
  const system = await setupSystem();
  const options = { redis: system.url, prefix: system.prefix, watchMs: 20, pollMs: 50 };
  const end = gate();
  const worker = new Worker("hot", { wait: () => end.opened }, { ...options, concurrency: 8 });
  afterwards(() => worker.stop({ graceMs: 2_000 }));
  await worker.start();
  await system.observer.partition("hot", 2);
  // A producer that does not know of the partitions publishes this message, which wakes all workers.
  await system.client.connection.command("SPUBLISH", system.keys("hot").wake, "");
  const queue = opened(system);
  for (let n = 0; n < 12; n++) await queue.enqueue("wait", n, { partitionKey: `k${n}` });
  await until("every slot is busy", () => worker.busy === 8);
  end.open();
  await until("all tasks ran", async () => (await system.observer.stats("hot")).completed === 12);
  const since = Date.now();
  await until("ten polls are over", () => Date.now() - since > 500);
  // If the removed partition still counted, the time since its last poll would only grow.
  await until("no part is stalled", () => worker.stalledMs() < 200 && worker.lastGoodPollAgeMs() < 400);
});

test("a draining worker takes no tasks from a partition that is added or created again", async () => {
  const system = await setupSystem();
  const options = { redis: system.url, prefix: system.prefix, watchMs: 20, pollMs: 50 };
  const { observer } = system;
  await observer.partition("hot", 2);
  const worker = new Worker("hot", { t: () => "ran" }, options);
  afterwards(() => worker.stop({ graceMs: 2_000 }));
  await worker.start();
  const looked = async () => {
    const since = Date.now();
    await until("the worker has looked up the partitions", () => Date.now() - since > 200);
  };
  await until("the worker is registered", async () => (await observer.workers()).length === 1);
  await observer.drainWorker(worker.id);
  await until("the worker drains", () => worker.draining);
  await observer.pause("hot");
  await observer.deleteQueue("hot");
  await observer.partition("hot", 1);
  await looked();
  await observer.partition("hot", 3);
  await looked();
  const queue = opened(system);
  for (let n = 0; n < 12; n++) await queue.enqueue("t", n, { partitionKey: `k${n}` });
  await looked();
  expect(await observer.stats("hot")).toMatchObject({ pending: 12, completed: 0 });
  await observer.resumeWorker(worker.id);
  await until("all tasks ran", async () => (await observer.stats("hot")).completed === 12);
});

test("if one partition refuses its tasks, the batch reports these as refused and the others as stored", async () => {
  const { system, queue, observer } = await setup(2);
  // These settings are in the format of a newer version.
  await system.redis.hset(system.keys("hot/1").state, "#settings", "99 0 0 0 0 0 ");
  const tasks = Array.from({ length: 20 }, (_, n) => ({ type: "t", payload: n, partitionKey: `k${n}` }));
  const results = await queue.enqueueMany(tasks);
  const stored = results.flatMap((result) => (result.ok ? [partitionOf(result.receipt.id)] : []));
  expect(new Set(stored)).toEqual(new Set([0]));
  expect((await observer.stats("hot/0")).pending).toBe(stored.length);
  expect(results.filter((result) => !result.ok && /newer Holdfast/.test(result.error.message))).toHaveLength(
    20 - stored.length,
  );
});

test("close sends the tasks again that were refused because the queue was given partitions", async () => {
  const system = await setupSystem();
  const queue = opened(system);
  await queue.ready();
  await system.observer.partition("hot", 2);
  const one = queue.enqueue("t", 1);
  const many = queue.enqueueMany([{ type: "t", payload: 2 }]);
  const columns = queue.enqueueColumns({ bytes: Buffer.from("3"), types: ["t"], spans: [0, 1] });
  await queue.close();
  expect(partitionOf((await one).id)).toBeLessThan(2);
  expect(await many).toMatchObject([{ ok: true }]);
  expect((await columns).results).toMatchObject([{ ok: true }]);
  expect((await system.observer.stats("hot")).pending).toBe(3);
});
