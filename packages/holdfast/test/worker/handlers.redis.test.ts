import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import type { Handlers } from "../../src/index.ts";
import { gate, setupSystem, untilAborted, type WatchedWorker } from "./harness.ts";

const runs = (...rules: string[]): Handlers => Object.fromEntries(rules.map((rule) => [rule, () => rule]));
const mixed = (count: number, ...types: string[]) =>
  Array.from({ length: count }, (_, n) => ({ type: types[n % types.length] ?? "", payload: n }));
const ranOn = ({ settled }: WatchedWorker) =>
  new Set(settled.filter(({ outcome }) => outcome === "acked").map(({ task }) => task.type));

describe("a catch-all and prefixes", () => {
  test("the most exact handler runs a task", async () => {
    const system = await setupSystem();
    await system.started("work", runs("email.send", "email.*", "*"));
    const queue = system.queue();
    const results = [];
    for (const type of ["email.send", "email.other", "report"]) {
      const { id } = await queue.enqueue(type, 0);
      results.push((await queue.result(id, { waitMs: 10_000 }))?.resultText);
    }
    expect(results).toEqual(['"email.send"', '"email.*"', '"*"']);
  });

  test.each([1, 20])(
    "two workers with different handlers each run the tasks for which they have a handler, concurrency %d",
    async (concurrency) => {
      const system = await setupSystem();
      const exact = await system.started("work", runs("report"), { concurrency });
      const prefix = await system.started("work", runs("email.*"), { concurrency });
      const types = ["email.a", "report", "email.b", "sms", "email.a"];
      await system.queue().enqueueMany(mixed(100, ...types));
      await until("all tasks are completed, except those that nobody runs", async () => {
        const { completed, pendingTyped } = await system.observer.stats("work");
        return completed === 80 && pendingTyped === 20;
      });
      expect([...ranOn(exact)]).toEqual(["report"]);
      expect([...ranOn(prefix)].sort()).toEqual(["email.a", "email.b"]);
      const rest = await system.started("work", runs("*"), { concurrency });
      // Redis counts the last task before its worker has got the answer.
      await until(
        "the remaining tasks are completed",
        async () => rest.settled.length >= 20 && (await system.observer.stats("work")).completed === 100,
      );
      expect([...ranOn(rest)]).toEqual(["sms"]);
    },
  );

  test("with only a catch-all handler no task is put aside or handed back because of its type", async () => {
    const system = await setupSystem();
    const { settled } = await system.started("work", runs("*"), { concurrency: 5 });
    await system.queue().enqueueMany(mixed(100, ...Array.from({ length: 30 }, (_, n) => `type.${n}`)));
    await until(
      "all tasks are completed",
      async () => (await system.observer.stats("work")).completed === 100,
    );
    expect(settled.filter(({ outcome }) => outcome !== "acked")).toEqual([]);
    expect(await system.redis.hget(system.keys().state, "#typed")).toBeNull();
  });

  test.each(["*", "email.*"])(
    "no task dies as no_handler while a worker with %s is registered, even a busy one",
    async (rule) => {
      const system = await setupSystem();
      const release = gate();
      const options = { noHandlerAfterMs: 50, concurrency: 1 };
      await system.started("work", { [rule]: () => release.opened }, options);
      await system.started("work", runs("report"), options);
      const janitor = system.janitor({ sweepIntervalMs: 10 });
      await system.queue().enqueueMany(mixed(10, "email.send"));
      await until(
        "five tasks are put aside",
        async () => (await system.observer.stats("work")).pendingTyped >= 5,
      );
      const enough = Date.now() + 500;
      while (Date.now() < enough) await janitor.runOnce();
      expect(await system.observer.stats("work")).toMatchObject({ dead: 0 });
      const [first] = (await system.observer.list("work", { state: "pending", limit: 1 })).tasks;
      expect(await system.observer.why("work", first?.id ?? "")).toMatchObject({ reason: "waiting" });
      release.open();
      await until(
        "all tasks are completed",
        async () => (await system.observer.stats("work")).completed === 10,
      );
    },
  );

  test("the registry shows running tasks by the name of their handler", async () => {
    const system = await setupSystem();
    const release = gate();
    await system.started("work", { "email.*": () => release.opened });
    await system.queue().enqueue("email.send", 0);
    await until("the registry shows the running task", async () => {
      const [view] = await system.observer.workers({ tasks: true });
      return view?.tasks?.[0]?.type === "email.*";
    });
    release.open();
  });
});

test("middleware runs around the attempts of a worker, and its error is the error of the attempt", async () => {
  const system = await setupSystem();
  const seen: string[] = [];
  const { worker, settled } = system.worker("work", { ok: () => 1, bad: () => 2 });
  worker
    .use(async (task, { attempt }, next) => {
      seen.push(`begin ${task.type} ${attempt}`);
      try {
        return await next();
      } finally {
        seen.push(`end ${task.type}`);
      }
    })
    .use((task, _ctx, next) => {
      if (task.type === "bad") throw new Error("not today");
      return next();
    });
  await worker.start();
  const queue = system.queue();
  const { id } = await queue.enqueue("ok", 0);
  expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed", resultText: "1" });
  const bad = await queue.enqueue("bad", 0, { maxRetries: 0 });
  expect(await queue.result(bad.id, { waitMs: 10_000 })).toMatchObject({ state: "dead" });
  expect(seen).toEqual(["begin ok 1", "end ok", "begin bad 1", "end bad"]);
  await until("the worker has reported both tasks", () => settled.length === 2);
  expect(settled.at(-1)).toMatchObject({ outcome: "dead", error: new Error("not today") });
});

describe("setConcurrency", () => {
  test("raises and lowers how many tasks run at the same time, and stops no running task", async () => {
    const system = await setupSystem();
    const gates = new Map<number, ReturnType<typeof gate>>();
    let aborted = 0;
    const hold = async (task: { payload: number }, { signal }: { signal: AbortSignal }) => {
      const own = gate();
      gates.set(task.payload, own);
      await Promise.race([own.opened, untilAborted(signal).catch(() => aborted++)]);
      gates.delete(task.payload);
    };
    const { worker } = await system.started("work", { hold }, { concurrency: 2 });
    await system.queue().enqueueMany(mixed(30, "hold"));
    await until("two tasks run", () => gates.size === 2);
    worker.setConcurrency(6);
    await until("six tasks run", () => gates.size === 6);
    expect(worker.slots).toBe(6);
    worker.setConcurrency(1);
    const [last, ...others] = [...gates.values()];
    for (const own of others) own.open();
    await until("one task is left", () => gates.size === 1);
    await until("the registry has the number", async () => {
      const [view] = await system.observer.workers();
      return view?.slots === 1;
    });
    expect([gates.size, aborted]).toEqual([1, 0]);
    last?.open();
    await until("another task runs", () => gates.size === 1 && ![...gates.values()].includes(last as never));
    worker.setConcurrency(30);
    const opening = setInterval(() => {
      for (const own of gates.values()) own.open();
    }, 1);
    await until(
      "all tasks are completed",
      async () => (await system.observer.stats("work")).completed === 30,
    );
    clearInterval(opening);
    expect(aborted).toBe(0);
  });

  test("refuses a number out of range, and names the option that allows more", async () => {
    const system = await setupSystem();
    const { worker } = system.worker("work", {}, { concurrency: 2, maxConcurrency: 8 });
    for (const wrong of [0, 9, 1.5, "4" as never])
      expect(() => worker.setConcurrency(wrong)).toThrow(
        "concurrency has to be a whole number from 1 to 8 (the maxConcurrency of this worker)",
      );
    expect(worker.slots).toBe(2);
    expect(() => system.worker("work", {}, { concurrency: 9, maxConcurrency: 8 })).toThrow(
      "maxConcurrency has to be at least concurrency",
    );
  });
});

describe("pause", () => {
  test("a paused worker takes no new tasks, keeps the leases of running tasks, and continues after resume", async () => {
    const system = await setupSystem();
    const running = gate();
    let begun = 0;
    const t = () => {
      begun++;
      return running.opened;
    };
    // The task runs for much longer than its lease.
    const first = await system.started("work", { t }, { concurrency: 2, leaseMs: 300 });
    const queue = system.queue();
    const { id } = await queue.enqueue("t", 0);
    await until("the task runs", () => begun === 1);
    first.worker.pause();
    first.worker.pause();
    expect(first.worker.paused).toBe(true);
    for (let n = 0; n < 5; n++) await queue.enqueue("t", n);
    const janitor = system.janitor();
    const enough = Date.now() + 1_000;
    while (Date.now() < enough) await janitor.runOnce();
    expect(begun).toBe(1);
    expect(await queue.get(id)).toMatchObject({ state: "processing", crashes: 0 });
    expect(first.worker.stalledMs()).toBe(0);
    expect(first.worker.draining).toBe(false);
    const second = await system.started("work", { t: () => {} });
    await until("the other worker runs the waiting tasks", () => second.settled.length === 5);
    second.worker.pause();
    running.open();
    await until("the task is completed", async () => (await queue.get(id))?.state === "completed");
    await queue.enqueue("t", 9);
    first.worker.resume();
    await until("the first worker continues", () => begun === 2);
    expect(first.errors).toEqual([]);
  });

  test("a worker can start paused, and a resume does not end the drain of an operator", async () => {
    const system = await setupSystem();
    const queue = system.queue();
    const { worker, settled } = system.worker("work", { t: () => {} });
    worker.pause();
    await worker.start();
    await queue.enqueue("t", 0);
    await until(
      "the registry shows the worker as paused",
      async () => (await system.observer.workers())[0]?.state === "paused",
    );
    await system.observer.drainWorker(worker.id);
    await until("the worker drains", () => worker.draining);
    worker.resume();
    await until(
      "the worker is drained",
      async () => (await system.observer.workers())[0]?.state === "drained",
    );
    expect(settled).toEqual([]);
    await system.observer.resumeWorker(worker.id);
    await until("the task ran", () => settled.length === 1);
  });
});

describe("queues in strict order", () => {
  test("a queue gets slots only while the queues before it have no waiting tasks", async () => {
    const system = await setupSystem();
    const started: string[] = [];
    const step = (task: { queue: string }) => {
      started.push(task.queue);
    };
    const names = ["urgent", "normal", "bulk"];
    for (const name of names) await system.queue(name).enqueueMany(mixed(200, "step"));
    await system.started(names, { step }, { concurrency: 2, aheadMs: 0, queueOrder: "strict" });
    await until("all tasks ran", () => started.length === 600);
    // While the last tasks of a queue run, tasks of the next queue may begin in the free slots.
    const early = names.map(
      (name, n) => started.slice(200 * n, 200 * (n + 1)).filter((own) => own !== name).length,
    );
    expect(Math.max(...early)).toBeLessThanOrEqual(2);
  });

  test("later tasks of the first queue run before a backlog of the second", async () => {
    const system = await setupSystem();
    const started: string[] = [];
    const gates: (() => void)[] = [];
    const step = (task: { queue: string }) => {
      started.push(task.queue);
      return new Promise<void>((resolve) => gates.push(resolve));
    };
    await system.queue("bulk").enqueueMany(mixed(50, "step"));
    await system.started(["urgent", "bulk"], { step }, { concurrency: 1, aheadMs: 0, queueOrder: "strict" });
    await until("the first task runs", () => started.length === 1);
    await system.queue("urgent").enqueueMany(mixed(10, "step"));
    for (let n = 1; n < 20; n++) {
      await until("the next task runs", () => gates.length === n);
      gates[n - 1]?.();
    }
    await until("twenty tasks have begun", () => started.length === 20);
    // One task of the backlog may have been granted before the urgent tasks came.
    const urgent = started.map((name, n) => [name, n] as const).filter(([name]) => name === "urgent");
    expect(urgent).toHaveLength(10);
    expect(urgent.at(-1)?.[1]).toBeLessThanOrEqual(12);
    gates.at(-1)?.();
  });
});
