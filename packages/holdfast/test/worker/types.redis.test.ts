import { setTimeout as delay } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import { type Handlers, Observer, Queue, Worker } from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { type System, setupSystem, type WatchedWorker } from "./harness.ts";

const TASKS = 40;
const runs = (...types: string[]): Handlers => Object.fromEntries(types.map((type) => [type, () => {}]));

/** Makes tasks that have these types in turn. */
const mixed = (count: number, ...types: string[]) =>
  Array.from({ length: count }, (_, n) => ({ type: types[n % types.length] ?? "", payload: n }));

const outcomes = ({ settled }: WatchedWorker) => settled.map(({ outcome }) => outcome);
const released = (watched: WatchedWorker) => outcomes(watched).filter((outcome) => outcome === "released");

async function allCompleted(system: System, count: number, queue = "work"): Promise<void> {
  await until(
    "all tasks are completed",
    async () => (await system.observer.stats(queue)).completed === count,
  );
  expect(await system.observer.stats(queue)).toMatchObject({ dead: 0, pending: 0, scheduled: 0 });
}

describe("a rolling deploy: only the new version of two has a handler", () => {
  const orders = [
    ["old", "new"],
    ["new", "old"],
  ];
  const rows = orders.flatMap(([first = "", second = ""]) =>
    [1, 50].flatMap((concurrency) =>
      ["burst", "trickle"].map((arrival) => ({ first, second, concurrency, arrival })),
    ),
  );

  test.each(rows)(
    "$arrival, concurrency $concurrency, started $first then $second: all tasks run on the new one",
    async ({ first, second, concurrency, arrival }) => {
      const system = await setupSystem();
      const handlers: Record<string, Handlers> = { old: runs("mail"), new: runs("mail", "report") };
      const started = new Map<string, WatchedWorker>();
      for (const name of [first, second])
        started.set(name, await system.started("work", handlers[name] ?? {}, { concurrency, id: name }));
      const queue = system.queue();
      if (arrival === "burst") await queue.enqueueMany(mixed(TASKS, "report"));
      else
        for (let n = 0; n < TASKS; n++) {
          const { id } = await queue.enqueue("report", n);
          await queue.result(id, { waitMs: 10_000 });
        }
      await allCompleted(system, TASKS);
      const old = started.get("old") as WatchedWorker;
      expect(outcomes(old).filter((outcome) => outcome !== "released")).toEqual([]);
      // The old worker hands back only the tasks that it was granted before it sent its types.
      const bounds = arrival === "burst" ? concurrency + 1 : 2;
      expect(released(old).length).toBeLessThanOrEqual(bounds);
      // No task was granted to the old worker twice.
      const ids = old.settled.map(({ task }) => task.id);
      expect(ids).toHaveLength(new Set(ids).size);
    },
  );
});

test.each([1, 50])(
  "two services with different types share a queue, concurrency %d: each runs its own types",
  async (concurrency) => {
    const system = await setupSystem();
    const a = await system.started("work", runs("a"), { concurrency });
    const b = await system.started("work", runs("b"), { concurrency });
    await system.queue().enqueueMany(mixed(60, "a", "b"));
    await allCompleted(system, 60);
    for (const [watched, type] of [[a, "a"] as const, [b, "b"] as const]) {
      const acked = watched.settled.filter(({ outcome }) => outcome === "acked");
      expect(acked.map(({ task }) => task.type)).toEqual(Array.from({ length: 30 }, () => type));
    }
    // A worker may have taken tasks before it sent its types, some of them ahead of its free slots. These go to the
    // other worker, and do not come back.
    for (const { settled } of [a, b]) {
      const ids = settled.map(({ task }) => task.id);
      expect(ids).toHaveLength(new Set(ids).size);
    }
  },
);

test("three workers with overlapping types, tasks of all priorities and a backlog before they start", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const priorities = ["high", "normal", "low"] as const;
  await queue.enqueueMany(
    mixed(300, "a", "b", "c").map((task, n) => ({
      ...task,
      priority: priorities[n % 2] ?? "low",
    })),
  );
  const watched = await Promise.all([
    system.started("work", runs("a", "b"), { concurrency: 3 }),
    system.started("work", runs("b", "c"), { concurrency: 3 }),
    system.started("work", runs("c"), { concurrency: 3 }),
  ]);
  await allCompleted(system, 300);
  const [first, , third] = watched.map(
    ({ settled }) =>
      new Set(settled.filter(({ outcome }) => outcome === "acked").map(({ task }) => task.type)),
  );
  expect(first?.has("c")).toBe(false);
  expect([...(third ?? [])].filter((type) => type !== "c")).toEqual([]);
});

test("a task that has to run alone waits for the worker that runs its type, and runs alone there", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const { id } = await queue.enqueue("report", 1);
  // A task that has crashed its worker twice runs only while its worker runs nothing else.
  for (let n = 0; n < 2; n++) {
    await system.grantToNobody("work", 1, 1);
    await until("the lease has expired", async () => (await system.engine().reap(10)).requeued === 1);
  }
  let busy = 0;
  const beside: number[] = [];
  const freshMail = async () => {
    busy++;
    await delay(5);
    busy--;
  };
  const report = async () => {
    beside.push(busy);
    await delay(5);
    beside.push(busy);
  };
  const old = await system.started("work", { mail: () => delay(5) }, { concurrency: 5 });
  await queue.enqueueMany(mixed(20, "mail"));
  const fresh = await system.started("work", { mail: freshMail, report }, { concurrency: 5 });
  await queue.enqueueMany(mixed(20, "mail"));
  expect(await queue.result(id, { waitMs: 20_000 })).toMatchObject({ state: "completed", solo: true });
  await allCompleted(system, 41);
  expect(beside).toEqual([0, 0]);
  expect(
    [old, fresh].map(({ settled }) =>
      settled.some(({ task, outcome }) => task.id === id && outcome === "acked"),
    ),
  ).toEqual([false, true]);
});

test("idle workers are granted tasks of their types by push, once each has sent its types", async () => {
  const system = await setupSystem();
  const a = await system.started("work", runs("a"), { concurrency: 4 });
  const b = await system.started("work", runs("b"), { concurrency: 4 });
  const queue = system.queue();
  // A worker has met a task of the other type. From now on both workers send their types.
  await queue.enqueueMany(mixed(8, "a", "b"));
  await allCompleted(system, 8);
  const before = released(a).length + released(b).length;
  const waits = [];
  for (let n = 0; n < 20; n++) {
    const { id } = await queue.enqueue(n % 2 === 0 ? "a" : "b", n);
    waits.push(await queue.result(id, { waitMs: 10_000 }));
  }
  expect(waits.every((task) => task?.state === "completed")).toBe(true);
  expect(released(a).length + released(b).length).toBe(before);
});

test("tasks of a type that no worker runs do not delay other tasks, and run once a worker for them starts", async () => {
  const system = await setupSystem();
  const a = await system.started("work", runs("a"), { concurrency: 2 });
  const queue = system.queue();
  await queue.enqueueMany(mixed(500, "b"));
  const { id } = await queue.enqueue("a", 1);
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  expect(await system.observer.stats("work")).toMatchObject({ pending: 500, pendingTyped: 500, dead: 0 });
  const [first] = (await system.observer.list("work", { state: "pending", limit: 1 })).tasks;
  expect(await system.observer.why("work", first?.id ?? "")).toMatchObject({ reason: "no_worker_for_type" });
  await system.started("work", runs("b"), { concurrency: 10 });
  await allCompleted(system, 501);
  expect(outcomes(a).filter((outcome) => outcome === "acked")).toHaveLength(1);
});

test("a partitioned queue routes by type in each partition", async () => {
  const system = await setupSystem();
  const options = { redis: system.url, prefix: system.prefix };
  const queue = new Queue("parts", { ...options, partitions: 3 });
  const old = new Worker("parts", runs("mail"), { ...options, concurrency: 5 });
  const fresh = new Worker("parts", runs("mail", "report"), { ...options, concurrency: 5 });
  const observer = new Observer(options);
  afterwards(async () => {
    for (const worker of [old, fresh]) await worker.stop({ graceMs: 0 });
    await observer.close();
    await queue.close();
  });
  await queue.enqueueMany(mixed(60, "report"));
  await old.start();
  await fresh.start();
  await until("all tasks are completed", async () => (await observer.stats("parts")).completed === 60);
  expect(await observer.stats("parts")).toMatchObject({ dead: 0, pending: 0, pendingTyped: 0 });
});

describe("no_handler", () => {
  test.each([
    ["without partitions", 0],
    ["with partitions", 2],
  ])(
    "is never written, %s, while a worker that runs the type is registered, even a busy one",
    async (_, count) => {
      const system = await setupSystem();
      if (count > 0) await system.observer.partition("work", count);
      let release = () => {};
      const opened = new Promise<void>((resolve) => {
        release = resolve;
      });
      const options = { noHandlerAfterMs: 50, concurrency: 1 };
      await system.started("work", { report: () => opened }, options);
      await system.started("work", runs("mail"), options);
      const janitor = system.janitor({ sweepIntervalMs: 10 });
      await system.queue().enqueueMany(mixed(10, "report"));
      await until(
        "five tasks are put aside",
        async () => (await system.observer.stats("work")).pendingTyped >= 5,
      );
      // The loop runs for far longer than noHandlerAfterMs.
      const enough = Date.now() + 500;
      while (Date.now() < enough) await janitor.runOnce();
      expect(await system.observer.stats("work")).toMatchObject({ dead: 0 });
      release();
      await allCompleted(system, 10);
    },
  );

  test("names the registered types", async () => {
    const system = await setupSystem();
    await system.started("work", runs("mail", "sms"), { noHandlerAfterMs: 50 });
    const { id } = await system.queue().enqueue("report", 1);
    const janitor = system.janitor({ sweepIntervalMs: 10 });
    await until("the task dies as no_handler", async () => {
      await janitor.runOnce();
      return (await system.observer.stats("work")).dead === 1;
    });
    expect(await system.queue().get(id)).toMatchObject({
      deadReason: "no_handler",
      lastError:
        'NoHandler: no registered worker of this queue has a handler for "report"; 1 registered, with handlers for: mail, sms',
    });
  });
});
