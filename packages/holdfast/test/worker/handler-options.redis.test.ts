import { setTimeout as delay } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import { CancelTask } from "../../src/index.ts";
import { gate, setupSystem, untilAborted } from "./harness.ts";

const mixed = (count: number, ...types: string[]) =>
  Array.from({ length: count }, (_, n) => ({ type: types[n % types.length] ?? "", payload: n }));
const fails = () => {
  throw new Error("no");
};

test("each entry has its own maxRetries, and a task that sets maxRetries keeps it", async () => {
  const system = await setupSystem();
  const backoff = { baseMs: 1 };
  await system.started(
    "work",
    {
      never: { handler: fails, maxRetries: 0 },
      "often.*": { handler: fails, maxRetries: 5 },
      "*": fails,
    },
    { backoff, maxRetries: 1 },
  );
  const queue = system.queue();
  const attempts = [];
  for (const [type, options] of [
    ["never", {}],
    ["often.x", {}],
    ["other", {}],
    ["never", { maxRetries: 2 }],
  ] as const) {
    const { id } = await queue.enqueue(type, 0, options);
    const task = await queue.result(id, { waitMs: 20_000 });
    attempts.push([task?.deadReason, task?.attempts]);
  }
  const dead = "retries_exhausted";
  expect(attempts).toEqual([
    [dead, 1],
    [dead, 6],
    [dead, 2],
    [dead, 3],
  ]);
});

test("an entry has its own time-out, and an attempt may take longer than the usual half hour", async () => {
  const system = await setupSystem();
  const released = gate();
  await system.started("work", {
    slow: { handler: () => released.opened, timeoutMs: 30, maxRetries: 0 },
    long: { handler: () => released.opened, timeoutMs: 7_200_000 },
  });
  const queue = system.queue();
  const slow = await queue.enqueue("slow", 0);
  expect(await queue.result(slow.id, { waitMs: 10_000 })).toMatchObject({
    state: "dead",
    lastError: expect.stringContaining("timed out after 30 ms"),
  });
  const long = await queue.enqueue("long", 0);
  await until("the task runs", async () => (await queue.get(long.id))?.state === "processing");
  const record = await system.redis.hget(system.keys().state, long.id);
  const [, , grantedAt, deadline] = record?.split(" ") ?? [];
  expect(Number(deadline) - Number(grantedAt)).toBe(7_200_250);
  released.open();
});

test("expiresAt is a deadline if the entry says so, and otherwise an attempt continues", async () => {
  const system = await setupSystem();
  const reasons: unknown[] = [];
  const released = gate();
  const late = async (_task: unknown, { signal }: { signal: AbortSignal }) => {
    await untilAborted(signal).catch((reason) => reasons.push(reason.reason, reason.message));
    throw signal.reason;
  };
  const { settled } = await system.started("work", {
    late: { handler: late, abortAtExpiry: true, backoff: { baseMs: 1, jitter: "none" } },
    early: { handler: () => "in time", abortAtExpiry: true },
    free: () => released.opened,
  });
  const queue = system.queue();
  const expiresAt = Date.now() + 1_500;
  const [free, due, early] = await Promise.all([
    queue.enqueue("free", 0, { expiresAt }),
    queue.enqueue("late", 0, { expiresAt }),
    queue.enqueue("early", 0, { expiresAt: Date.now() + 60_000 }),
  ]);
  // The task expires before its retry would start.
  const janitor = system.janitor();
  await until("the task has expired", async () => {
    await janitor.runOnce();
    return (await queue.get(due.id))?.state === "expired";
  });
  expect(reasons).toEqual(["timed_out", "its expiresAt has passed"]);
  expect(settled.find(({ task }) => task.id === due.id)).toMatchObject({
    outcome: "retried",
    error: { name: "TimeoutError" },
  });
  expect(await queue.result(early.id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  expect(await queue.get(free.id)).toMatchObject({ state: "processing" });
  released.open();
  expect(await queue.result(free.id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
});

describe("concurrency of an entry", () => {
  // The test is repeated, because a wake-up is lost only if answers come in a certain order.
  test("holds for one worker, over its queues, while its other tasks run", { repeats: 5 }, async () => {
    const system = await setupSystem();
    let running = 0;
    let most = 0;
    const heavy = async () => {
      most = Math.max(most, ++running);
      await delay(2);
      running--;
    };
    const { settled, errors } = await system.started(
      ["a", "b"],
      { "heavy.*": { handler: heavy, concurrency: 2 }, "*": () => delay(1) },
      { concurrency: 20 },
    );
    for (const name of ["a", "b"])
      await system.queue(name).enqueueMany(mixed(120, "heavy.x", "light", "heavy.y"));
    await until("all tasks are completed", async () => {
      const [a, b] = await Promise.all([system.observer.stats("a"), system.observer.stats("b")]);
      return a.completed + b.completed === 240;
    });
    expect(most).toBe(2);
    // The worker tells the engine how many more tasks of the type may run. So few tasks are granted in vain and
    // handed back.
    const back = settled.filter(({ outcome }) => outcome === "released").length;
    expect(back).toBeLessThan(10);
    expect(errors).toEqual([]);
  });

  test("leaves the rest to another worker, and a free place is filled at once", async () => {
    const system = await setupSystem();
    const gates: (() => void)[] = [];
    const heavy = () => new Promise<void>((resolve) => gates.push(resolve));
    await system.started("work", { heavy: { handler: heavy, concurrency: 1 } }, { concurrency: 10 });
    const queue = system.queue();
    await queue.enqueueMany(mixed(6, "heavy"));
    for (let n = 0; n < 3; n++) {
      await until("one task runs", () => gates.length === n + 1);
      expect((await system.observer.stats("work")).processing).toBe(1);
      gates[n]?.();
    }
    await until("the fourth task runs", () => gates.length === 4);
    const other = await system.started("work", { heavy: () => {} }, { concurrency: 10 });
    await until("the other worker runs the remaining tasks", () => other.settled.length === 2);
    expect(gates).toHaveLength(4);
    gates[3]?.();
    await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 6);
  });
});

test("an error that does not count as a failure, CancelTask, and an entry without dead letters", async () => {
  const system = await setupSystem();
  let busy = 3;
  const seen: number[] = [];
  await system.started(
    "work",
    {
      poll: ({ attempt }) => {
        seen.push(attempt);
        if (busy-- > 0) throw new Error("busy");
        return "done";
      },
      reminder: () => {
        throw new CancelTask("the account is closed");
      },
      ping: { handler: fails, deadLetter: false, maxRetries: 1 },
    },
    { backoff: () => 1, isFailure: (error) => (error as Error).message !== "busy" },
  );
  const queue = system.queue();
  const ended = async (type: string) => {
    const { id } = await queue.enqueue(type, 0, { maxRetries: type === "ping" ? 1 : 0 });
    return queue.result(id, { waitMs: 20_000 });
  };
  expect(await ended("poll")).toMatchObject({ state: "completed", attempts: 1, failures: 0 });
  expect(seen).toEqual([1, 1, 1, 1]);
  expect(await ended("reminder")).toMatchObject({
    ...{ state: "cancelled", failures: 0, deadReason: null },
    history: [{ outcome: "cancelled", error: expect.stringContaining("the account is closed") }],
  });
  expect(await ended("ping")).toMatchObject({
    state: "cancelled",
    attempts: 2,
    failures: 2,
    deadReason: null,
  });
  expect(await system.observer.stats("work")).toMatchObject({ dead: 0, cancelled: 2, completed: 1 });
});

test("a worker reports errors of its functions, and continues", async () => {
  const system = await setupSystem();
  const { errors } = await system.started("work", {
    t: {
      handler: ({ attempt }) => (attempt === 1 ? fails() : "done"),
      backoff: () => {
        throw new TypeError("oops");
      },
    },
  });
  const { id } = await system.queue().enqueue("t", 0);
  expect(await system.queue().result(id, { waitMs: 20_000 })).toMatchObject({
    state: "completed",
    attempts: 2,
  });
  expect(errors.map(({ message }) => message)).toEqual(["backoff threw: TypeError: oops"]);
});
