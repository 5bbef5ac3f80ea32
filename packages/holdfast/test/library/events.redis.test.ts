import { startRedisServer } from "@holdfast/testing";
import { expect, test } from "vitest";
import { OLDEST } from "../../src/events/cursor.ts";
import { FatalError, Queue, type QueueEvent, type QueueEvents, Worker } from "../../src/index.ts";
import { mintPartitionId } from "../../src/partitions/partition-names.ts";
import { afterwards, library, started } from "../support/library.ts";
import { redisUrl } from "../support/setup.ts";

/** Reads this many events. */
async function take(events: QueueEvents, count: number): Promise<QueueEvent[]> {
  const taken: QueueEvent[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

const brief = (events: QueueEvent[]) =>
  events.map((event) => (event.type === "gap" ? `gap ${event.missed}` : `${event.type} ${event.id}`));

test("another process reads what happens, with results and in order, and continues from a cursor", async () => {
  const { name, client, queue, observer } = library();
  await observer.configure(name, { maxEvents: 1_000 });
  const events = queue.events();
  await events.ready();
  await queue.enqueue("double", 21, { id: "a" });
  const handlers = {
    double: async (task: { payload: unknown }) => Number(task.payload) * 2,
    fail: async () => {
      throw new Error("no");
    },
  };
  await started(new Worker(name, handlers, { redis: redisUrl() }));
  const first = await take(events, 3);
  expect(brief(first)).toEqual(["enqueued a", "started a", "completed a"]);
  expect(first[2]).toMatchObject({ queue: name, resultText: "42", at: expect.any(Number) });
  await events.return?.();

  await queue.enqueue("fail", 1, { id: "b", maxRetries: 0 });
  const rest = await take(queue.events({ after: (first[1] as QueueEvent).cursor }), 4);
  expect(brief(rest)).toEqual(["completed a", "enqueued b", "started b", "dead b"]);
  expect(rest[3]).toMatchObject({ reason: "retries_exhausted" });

  const some = new Queue(name, { client }).events({
    after: OLDEST,
    types: ["completed", "dead"],
    results: false,
  });
  const ends = await take(some, 2);
  expect(brief(ends)).toEqual(["completed a", "dead b"]);
  expect(ends[0]).not.toHaveProperty("resultText");
});

test("a reader waits for events and ends with its signal", async () => {
  const { name, queue, observer } = library();
  await observer.configure(name, { maxEvents: 1_000 });
  const gone = new AbortController();
  const events = queue.events({ signal: gone.signal });
  await events.ready();
  const next = events.next();
  await queue.enqueue("t", 1, { id: "a" });
  expect((await next).value).toMatchObject({ type: "enqueued", id: "a" });
  const after = events.next();
  gone.abort(new Error("enough"));
  await expect(after).rejects.toThrow("enough");
  const left = queue.events();
  await left.ready();
  const waiting = left.next();
  await left.return?.();
  expect(await waiting).toEqual({ value: undefined, done: true });
});

test("wrong options and a queue that keeps no events are refused, and the error names the cause", async () => {
  const { name, queue } = library();
  expect(() => queue.events({ types: ["ended"] as never })).toThrow(
    /types has to be a list of waiting, enqueued/,
  );
  expect(() => queue.events({ lastEventId: "1" } as never)).toThrow(/after/);
  await expect(queue.events().ready()).rejects.toMatchObject({
    code: "events_off",
    message: expect.stringContaining(`queue "${name}" keeps no events: set its maxEvents`),
  });
  await expect(queue.events().next()).rejects.toMatchObject({ code: "events_off" });
  for (const after of ["1~2", "zz", "1.1.1.1", "1.zzzzzzzzzzzzzzzz"])
    await expect(queue.events({ after }).next()).rejects.toMatchObject({
      code: "invalid_cursor",
      field: "after",
    });
});

test("events of a queue with partitions have one cursor for all partitions, including new ones", async () => {
  const { name, client, observer } = library();
  await observer.partition(name, 2);
  await observer.configure(name, { maxEvents: 1_000 });
  const queue = new Queue(name, { client });
  afterwards(async () => {
    for (const { engine } of [0, 1, 2].map((part) => ({ engine: client.engine(`${name}/${part}`) })))
      await client.connection.command("UNLINK", ...Object.values(engine.keys));
    for (const part of [0, 1, 2]) await client.registry.removeQueue(`${name}/${part}`, async () => true);
    await client.connection.command("HDEL", "queue:{:system}:partitions", name, `${name}:1`);
  });
  const ids = Array.from({ length: 20 }, (_, i) => `t${i}`);
  const receipts = await queue.enqueueMany(ids.map((id) => ({ type: "t", payload: 1, tags: [id] })));
  const enqueued = receipts.map((one) => (one.ok ? one.receipt.id : "")).sort();
  const events = queue.events({ after: OLDEST });
  const half = await take(events, 10);
  await events.return?.();
  const going = queue.events({ after: (half.at(-1) as QueueEvent).cursor });
  const others = await take(going, 10);
  expect([...half, ...others].map((event) => (event.type === "gap" ? "gap" : event.id)).sort()).toEqual(
    enqueued,
  );

  await observer.partition(name, 3);
  const added = mintPartitionId(2);
  await new Queue(name, { client }).enqueue("t", 2, { id: added });
  expect(brief(await take(going, 1))).toEqual([`enqueued ${added}`]);
});

test("a caller that waits for a result learns of the end, and looks at the task no more than twice", async () => {
  const { name, queue, observer, client } = library();
  await observer.configure(name, { maxEvents: 1_000 });
  await queue.enqueueMany(Array.from({ length: 50 }, (_, i) => ({ type: "t", payload: i, id: `t${i}` })));
  let looks = 0;
  const script = client.connection.script.bind(client.connection);
  client.connection.script = ((called: { name: string }, ...rest: unknown[]) => {
    if (called.name === "get") looks++;
    return (script as (...all: unknown[]) => unknown)(called, ...rest);
  }) as typeof client.connection.script;
  const waiting = Array.from({ length: 50 }, (_, i) => queue.result(`t${i}`, { waitMs: 20_000 }));
  await started(new Worker(name, { t: async ({ payload }) => payload }, { redis: redisUrl() }));
  const results = await Promise.all(waiting);
  expect(results.map((task) => task?.resultText)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
  // The first read loads all tasks. Each later read loads only the tasks that ended since.
  expect(looks).toBeLessThan(60);
  expect(await queue.result("none", { waitMs: 1_000 })).toBeNull();
});

test("a task that ends at the moment of its wait is never missed", async () => {
  const { name, queue, observer } = library();
  await observer.configure(name, { maxEvents: 100_000 });
  for (let round = 0; round < 20; round++) {
    const ids = Array.from({ length: 10 }, (_, i) => `r${round}-${i}`);
    await queue.enqueueMany(ids.map((id) => ({ type: "t", payload: 1, id })));
    const waiting = ids.map((id) => queue.result(id, { waitMs: 20_000 }));
    await Promise.all(ids.map((id) => queue.cancel(id)));
    expect((await Promise.all(waiting)).map((task) => task?.state)).toEqual(ids.map(() => "cancelled"));
  }
});

test("a thousand waits cost Redis less than 100 commands a second", async () => {
  const server = await startRedisServer();
  afterwards(() => server.stop());
  const { name, queue, observer, client } = library({ redis: server.url });
  await observer.configure(name, { maxEvents: 100_000 });
  const ids = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
  await queue.enqueueMany(ids.map((id) => ({ type: "t", payload: 1, id })));
  const waiting = ids.map((id) => queue.result(id, { waitMs: 60_000 }));
  const commands = async () => {
    const info = await client.connection.command<string>("INFO", "commandstats");
    const calls = [...info.matchAll(/^cmdstat_(?!info)[^:]+:calls=(\d+)/gm)];
    // Commands that scripts call are counted as well.
    return calls.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  await queue.cancel("t0");
  await waiting[0];
  const before = await commands();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect((await commands()) - before).toBeLessThan(300);
  for (const id of ids) await queue.cancel(id);
  expect((await Promise.all(waiting)).every((task) => task?.state === "cancelled")).toBe(true);
});

test("a wait ends with its time or its signal, and polls the task if the setting is switched off", async () => {
  const { name, queue, observer } = library();
  await observer.configure(name, { maxEvents: 1_000 });
  await queue.enqueue("t", 1, { id: "a" });
  expect(await queue.result("a", { waitMs: 30 })).toBeNull();
  const gone = new AbortController();
  const cut = queue.result("a", { waitMs: 20_000, signal: gone.signal });
  gone.abort(new Error("enough"));
  await expect(cut).rejects.toThrow("enough");
  const waiting = queue.result("a", { waitMs: 20_000 });
  await observer.configure(name, { maxEvents: 0 });
  await queue.cancel("a");
  expect(await waiting).toMatchObject({ state: "cancelled" });
});

test("a task that is removed ends the wait, which would last for ever otherwise", async () => {
  const { name, queue, observer } = library();
  await observer.configure(name, { maxEvents: 1_000 });
  await queue.enqueue("t", 1, { id: "a" });
  const waiting = queue.result("a", { waitMs: 20_000 });
  await observer.empty(name, ["pending"]);
  await expect(waiting).rejects.toMatchObject({ code: "task_not_kept" });
});

test("the end of a flow is an event with its outcome, and a flow that ends again has another one", async () => {
  const { name, observer, queue } = library();
  await observer.configure(name, { maxEvents: 1_000 });
  const events = queue.events({ types: ["flow_ended"] });
  await events.ready();
  let works = false;
  const handlers = {
    ok: () => "done",
    fails: () => {
      if (!works) throw new FatalError("no");
    },
  };
  const nodes = (type: string) => [
    { name: "a", type: "ok" },
    { name: "b", type, after: ["a"] },
  ];
  await queue.flow({ id: "good", nodes: nodes("ok") });
  await queue.flow({ id: "bad", nodes: nodes("fails"), on: { success: { type: "ok" } } });
  await queue.flow({ id: "stopped", nodes: [{ name: "a", type: "ok", options: { delayMs: 60_000 } }] });
  await queue.cancelFlow("stopped");
  await started(new Worker(name, handlers, { redis: redisUrl() }));
  const outcomes = async (count: number) =>
    (await take(events, count))
      .map((event) => (event.type === "gap" ? event : [event.id, event.outcome]))
      .sort();
  expect(await outcomes(3)).toEqual([
    ["bad", "failed"],
    ["good", "success"],
    ["stopped", "cancelled"],
  ]);
  works = true;
  await observer.replay(name, ["bad.b"]);
  expect(await outcomes(1)).toEqual([["bad", "success"]]);
  expect(await queue.get("bad:success")).not.toBeNull();
  await events.return?.();
});
