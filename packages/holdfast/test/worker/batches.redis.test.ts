// Tests of batches in a worker. The file has more than 500 lines, because all of its tests share the batches at its
// top, and the mutants of batches (code with one error) are tested with all of it.
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import {
  type BatchHandler,
  type BatchOptions,
  batch,
  CancelTask,
  FatalError,
  type Handlers,
  Postpone,
  RateLimited,
} from "../../src/index.ts";
import { findViolations } from "../support/invariants.ts";
import { gate, type System, setupSystem, untilAborted, type WatchedWorker } from "./harness.ts";

const rows = (count: number, options: { key?: string; maxRetries?: number } = {}) =>
  Array.from({ length: count }, (_, n) => ({ type: "row", payload: n, ...options }));

/** Makes a batch handler that records the payloads of each call. */
function noted(handler: BatchHandler = () => {}): { calls: number[][]; handler: BatchHandler } {
  const calls: number[][] = [];
  return {
    calls,
    handler: (tasks, ctx) => {
      calls.push(tasks.map(({ payload }) => payload));
      return handler(tasks, ctx);
    },
  };
}

const batched = (options: BatchOptions, handler: BatchHandler): Handlers => ({
  row: batch(options, handler),
});

/** Enqueues before the worker starts, so that all tasks wait. */
async function backlog(
  count: number,
  handlers: Handlers,
  options: Parameters<System["started"]>[2] = {},
  tasks: { key?: string; maxRetries?: number } = {},
): Promise<{ system: System; watched: WatchedWorker; ids: string[] }> {
  const system = await setupSystem();
  const results = await system.queue().enqueueMany(rows(count, tasks));
  const ids = results.map((result) => (result.ok ? result.receipt.id : ""));
  return { system, watched: await system.started("work", handlers, options), ids };
}

const ended = (system: System, count: number) =>
  until(`${count} tasks have ended`, async () => {
    const { completed, dead, cancelled } = await system.observer.stats("work");
    return completed + dead + cancelled === count;
  });

/** Waits until the tasks have ended and the worker has emitted an event for each of them. */
async function told(system: System, watched: WatchedWorker, count: number): Promise<void> {
  await ended(system, count);
  const isEnd = ({ outcome }: { outcome: string }) => outcome !== "retried" && outcome !== "released";
  await until(
    "the worker has reported the end of each task",
    () => watched.settled.filter(isEnd).length === count,
  );
}

const outcomes = ({ settled }: WatchedWorker) => {
  const counts: Record<string, number> = {};
  for (const { outcome } of settled) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

describe("the tasks of a batch", () => {
  test("10,000 rows that wait take at most 25 calls of up to 500", async () => {
    const { calls, handler } = noted(async () => {});
    const { system } = await backlog(10_000, batched({ max: 500 }, handler));
    await ended(system, 10_000);
    expect(calls.length).toBeLessThanOrEqual(25);
    expect(Math.max(...calls.map(({ length }) => length))).toBe(500);
    expect(new Set(calls.flat()).size).toBe(10_000);
    expect(await findViolations(system.redis, system.keys())).toEqual([]);
  });

  test("while a batch runs, new tasks wait for each other and form the next batch", async () => {
    const system = await setupSystem();
    const first = gate();
    const { calls, handler } = noted(() => first.opened);
    await system.started("work", batched({ max: 100 }, handler));
    await system.queue().enqueue("row", -1);
    await until("the first batch runs", () => calls.length === 1);
    for (const { payload } of rows(30)) await system.queue().enqueue("row", payload);
    expect(await system.observer.stats("work")).toMatchObject({ processing: 1, pending: 30 });
    first.open();
    await ended(system, 31);
    expect(calls).toEqual([[-1], rows(30).map(({ payload }) => payload)]);
  });

  test("a worker with room for two batches runs two at the same time, and not more", async () => {
    const both = gate();
    let most = 0;
    let running = 0;
    const { calls, handler } = noted(async () => {
      most = Math.max(most, ++running);
      if (running === 2) both.open();
      await both.opened;
      running--;
    });
    const { system } = await backlog(60, batched({ max: 10 }, handler), { concurrency: 25 });
    await ended(system, 60);
    expect(most).toBe(2);
    expect(calls).toHaveLength(6);
  });

  test("maxBytes is never exceeded, except by a single payload", async () => {
    const system = await setupSystem();
    const sizes = [10, 10, 500, 60, 30, 30, 100, 1];
    const payloads = sizes.map((size) => "x".repeat(Math.max(0, size - 2)));
    await system.queue().enqueueMany(payloads.map((payload) => ({ type: "row", payload })));
    const bytes: number[][] = [];
    await system.started(
      "work",
      batched({ max: 100, maxBytes: 100 }, (tasks) => {
        bytes.push(tasks.map(({ payloadText }) => Buffer.byteLength(payloadText)));
      }),
    );
    await ended(system, sizes.length);
    expect(bytes).toEqual([[10, 10], [500], [60, 30], [30], [100], [2]]);
  });

  test("by key: with 100,000 tasks, no batch has tasks of two keys", async () => {
    const system = await setupSystem();
    const keys = ["a", "b", "c", null];
    const count = 100_000;
    for (let at = 0; at < count; at += 10_000)
      await system.queue().enqueueMany(
        Array.from({ length: 10_000 }, (_, n) => {
          const key = keys[(n * 7 + (n >> 3)) % keys.length];
          return { type: "row", payload: key, ...(key ? { key } : {}) };
        }),
      );
    let mixed = 0;
    let seen = 0;
    await system.started(
      "work",
      batched({ max: 100, by: "key" }, (tasks) => {
        seen += tasks.length;
        if (new Set(tasks.map(({ payload }) => payload)).size > 1) mixed++;
      }),
      { concurrency: 500 },
    );
    await until("all tasks have run", () => seen === count, 60_000);
    expect(mixed).toBe(0);
  }, 90_000);

  test("by key with waitMs: each key gets full batches, although the tasks come by turns", async () => {
    const system = await setupSystem();
    const batches: string[][] = [];
    const handlers = batched({ max: 5, waitMs: 20_000, by: "key" }, (tasks) => {
      batches.push(tasks.map(({ payload }) => payload as string));
    });
    await system.started("work", handlers, { concurrency: 10 });
    const keys = ["a", "b", "c"];
    for (let n = 0; n < 30; n++) {
      const key = keys[n % keys.length] ?? "";
      await system.queue().enqueue("row", key, { key });
    }
    await until("all tasks have run", () => batches.flat().length === 30, 15_000);
    expect(batches.map((batch) => batch.join("")).toSorted()).toEqual(
      ["a", "a", "b", "b", "c", "c"].map((key) => key.repeat(5)),
    );
  });

  test("by a function: tasks are separated by its value, and a task for which it throws fails alone", async () => {
    const by = ({ payload }: { payload: number }) => {
      if (payload === 5) throw new FatalError("no group for 5");
      return payload % 2;
    };
    const { calls, handler } = noted();
    const { system } = await backlog(8, batched({ max: 100, by }, handler));
    await ended(system, 8);
    expect(calls).toEqual([
      [0, 2, 4, 6],
      [1, 3, 7],
    ]);
    expect((await system.observer.stats("work")).dead).toBe(1);
  });

  test("single handlers in the same worker run alone, and a batch does not take their slots for ever", async () => {
    const system = await setupSystem();
    const tasks = rows(200).flatMap((row) => [row, { type: "mail", payload: row.payload }]);
    await system.queue().enqueueMany(tasks);
    const { calls, handler } = noted(async () => sleep(5));
    let mails = 0;
    const watched = await system.started("work", {
      ...batched({ max: 20 }, handler),
      mail: async () => {
        await sleep(1);
        mails++;
      },
    });
    await told(system, watched, 400);
    expect(mails).toBe(200);
    expect(outcomes(watched)).toEqual({ acked: 400 });
    expect(calls.flat().toSorted((a, b) => a - b)).toEqual(rows(200).map(({ payload }) => payload));
    expect(calls.length).toBeLessThanOrEqual(40);
    expect(await findViolations(system.redis, system.keys())).toEqual([]);
  });

  test("tasks that were put aside while their batch runs begin when it ends, even if the worker sleeps by then", async () => {
    const system = await setupSystem();
    const first = gate();
    const { calls, handler } = noted(() => first.opened);
    const handlers = { ...batched({ max: 20 }, handler), mail: () => {} };
    await system.started("work", handlers, { concurrency: 25, pollMs: 600_000 });
    await system.queue().enqueue("row", -1);
    await until("the first batch runs", () => calls.length === 1);
    await system.queue().enqueueMany(rows(3));
    await until(
      "the three tasks were put aside",
      async () => (await system.observer.stats("work")).pendingTyped === 3,
    );
    await until(
      "the worker sleeps",
      async () => (await system.redis.hget(system.keys().state, "#parked")) !== null,
    );
    first.open();
    await ended(system, 4);
    expect(calls).toEqual([[-1], [0, 1, 2]]);
  });

  test("a worker sleeps while one of its batches runs and tasks of that type are put aside", async () => {
    const system = await setupSystem();
    const end = gate();
    const { calls, handler } = noted(() => end.opened);
    const scripts: string[] = [];
    const handlers = { ...batched({ max: 50 }, handler), other: batch({ max: 50 }, () => {}) };
    await system.started("work", handlers, {
      pollMs: 600_000,
      onScript: (script) => scripts.push(script),
    });
    await system.queue().enqueue("row", -1);
    await until("the first batch runs", () => calls.length === 1);
    await system.queue().enqueueMany(rows(3));
    await until(
      "the three tasks were put aside",
      async () => (await system.observer.stats("work")).pendingTyped === 3,
    );
    await until(
      "the worker sleeps",
      async () => (await system.redis.hget(system.keys().state, "#parked")) !== null,
    );
    const before = scripts.filter((script) => script === "acquire").length;
    await sleep(500);
    expect(scripts.filter((script) => script === "acquire").length - before).toBeLessThan(5);
    end.open();
    await ended(system, 4);
  });

  test("the types of a prefix are in one batch", async () => {
    const system = await setupSystem();
    await system.queue().enqueueMany(["row.a", "row.b", "row.a"].map((type) => ({ type, payload: 1 })));
    const types: string[][] = [];
    await system.started("work", {
      "row.*": batch({ max: 10 }, (tasks) => void types.push(tasks.map(({ type }) => type))),
    });
    await ended(system, 3);
    expect(types).toEqual([["row.a", "row.b", "row.a"]]);
  });

  test("a queue with partitions: no batch mixes them, and all tasks run", async () => {
    const system = await setupSystem();
    await system.observer.partition("work", 2);
    const { calls, handler } = noted();
    const watched = await system.started("work", batched({ max: 10 }, handler));
    await system.queue().enqueueMany(rows(100));
    await until("all tasks are acked", () => outcomes(watched).acked === 100);
    expect(calls.flat()).toHaveLength(100);
  });
});

describe("waiting until a batch is full", () => {
  const trickle = async (system: System, count: number, everyMs: number) => {
    for (let n = 0; n < count; n++) {
      await system.queue().enqueue("row", n);
      await sleep(everyMs);
    }
  };

  test("tasks that trickle in wait in Redis, without a lease, until the oldest has waited for waitMs", async () => {
    const system = await setupSystem();
    const waits: number[] = [];
    const { calls, handler } = noted((tasks) => {
      const now = system.client.connection.now();
      waits.push(...tasks.map(({ enqueuedAt }) => now - enqueuedAt));
    });
    const watched = await system.started("work", batched({ max: 100, waitMs: 400 }, handler));
    const leases: number[] = [];
    const looks = trickle(system, 20, 50).then(() => ended(system, 20));
    while (calls.flat().length < 20) {
      leases.push((await system.observer.stats("work")).processing);
      await sleep(5);
    }
    await looks;
    expect(calls.length).toBeGreaterThanOrEqual(2);
    expect(calls.length).toBeLessThanOrEqual(10);
    // The handlers return at once, so the tasks are rarely found under a lease. If tasks waited for a full batch
    // under a lease, they would be found each time.
    expect(leases.filter((count) => count > 0).length).toBeLessThan(leases.length / 4);
    expect(waits.every((ms) => ms < 1_500)).toBe(true);
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(380);
    expect(outcomes(watched)).toEqual({ acked: 20 });
    expect(await findViolations(system.redis, system.keys())).toEqual([]);
  });

  test("a full batch is granted at once", async () => {
    const system = await setupSystem();
    const { calls, handler } = noted();
    await system.started("work", batched({ max: 5, waitMs: 60_000 }, handler), { concurrency: 5 });
    for (let n = 0; n < 10; n++) await system.queue().enqueue("row", n);
    await ended(system, 10);
    expect(calls).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
    ]);
  });

  test.each([
    ["of high priority", { priority: "high" as const }],
    ["that would expire", { expiresAt: () => Date.now() + 50_000 }],
  ])("a task %s ends the wait", async (_, options) => {
    const system = await setupSystem();
    const { calls, handler } = noted();
    await system.started("work", batched({ max: 50, waitMs: 60_000 }, handler));
    await system.queue().enqueue("row", 1);
    await until(
      "the task was put aside",
      async () => (await system.observer.stats("work")).pendingTyped === 1,
    );
    const given = Object.fromEntries(
      Object.entries(options).map(([name, value]) => [name, typeof value === "function" ? value() : value]),
    );
    await system.queue().enqueue("row", 2, given);
    await ended(system, 2);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.toSorted()).toEqual([1, 2]);
  });

  test("a retry does not wait again", async () => {
    const system = await setupSystem();
    const attempts: number[] = [];
    await system.started(
      "work",
      batched({ max: 1, waitMs: 60_000 }, (tasks) => {
        attempts.push(...tasks.map(({ attempt }) => attempt));
        if (attempts.length === 1) throw new Error("once");
      }),
      { backoff: { baseMs: 1 } },
    );
    await system.queue().enqueue("row", 1);
    await ended(system, 1);
    expect(attempts).toEqual([1, 2]);
  });

  test("a worker with a single handler for the type takes the waiting tasks, and tasks of another type are not delayed", async () => {
    const system = await setupSystem();
    const { calls, handler } = noted();
    let mails = 0;
    await system.started("work", {
      ...batched({ max: 50, waitMs: 60_000 }, handler),
      mail: () => void mails++,
    });
    await system.queue().enqueue("row", 1);
    await until(
      "the task was put aside",
      async () => (await system.observer.stats("work")).pendingTyped === 1,
    );
    await system.queue().enqueue("mail", 1);
    await until("the mail is sent", () => mails === 1);
    await system.started("work", { row: () => {} });
    await ended(system, 2);
    expect(calls).toEqual([]);
  });

  test("why says that the task waits for its batch", async () => {
    const system = await setupSystem();
    await system.started("work", batched({ max: 50, waitMs: 60_000 }, noted().handler));
    const { id } = await system.queue().enqueue("row", 1);
    await until(
      "the task was put aside",
      async () => (await system.observer.stats("work")).pendingTyped === 1,
    );
    let found: Awaited<ReturnType<typeof system.observer.why>> = null;
    await until("the worker is registered", async () => {
      found = await system.observer.why("work", id);
      return found?.reason !== "no_workers";
    });
    expect(found).toMatchObject({
      reason: "waiting",
      detail: expect.stringContaining("or until its batch there is full"),
    });
  });
});

describe("a batch that throws", () => {
  const poison = (bad: number[], error: () => Error = () => new Error("poison")) =>
    noted((tasks) => {
      if (tasks.some(({ payload }) => bad.includes(payload))) throw error();
    });

  test.each([0, 100, 255])(
    "one bad task of 256, at %i: at most 17 calls, and no other task loses an attempt",
    async (bad) => {
      const { calls, handler } = poison([bad]);
      const { system, watched, ids } = await backlog(
        256,
        batched({ max: 256 }, handler),
        {},
        { maxRetries: 0 },
      );
      await told(system, watched, 256);
      expect(calls.length).toBeLessThanOrEqual(17);
      expect(outcomes(watched)).toEqual({ acked: 255, dead: 1 });
      for (const { task, attempt, outcome } of watched.settled)
        expect([attempt, outcome === "dead"]).toEqual([1, task.id === ids[bad]]);
      const view = await system.observer.task("work", ids[bad] as string);
      expect(view).toMatchObject({ state: "dead", attempts: 1 });
      expect(view?.history[0]?.error).toMatch(/^Error: poison\n {4}at .*batches\.redis\.test/);
      expect(view?.history[0]?.error).not.toContain("batch-call");
    },
  );

  test("a bad task is dead after its own attempts", async () => {
    const { handler } = poison([3]);
    const { system, ids, watched } = await backlog(
      16,
      batched({ max: 16 }, handler),
      { backoff: { baseMs: 1, maxMs: 1 } },
      { maxRetries: 2 },
    );
    await told(system, watched, 16);
    expect(outcomes(watched)).toEqual({ acked: 15, retried: 2, dead: 1 });
    expect(await system.observer.task("work", ids[3] as string)).toMatchObject({
      state: "dead",
      attempts: 3,
    });
  });

  test("in a batch of 16 in which every second task is bad only the bad tasks fail", async () => {
    const { handler } = poison([1, 3, 5, 7, 9, 11, 13, 15]);
    const { system, watched } = await backlog(16, batched({ max: 16 }, handler), {}, { maxRetries: 0 });
    await told(system, watched, 16);
    expect(outcomes(watched)).toEqual({ acked: 8, dead: 8 });
  });

  test("a cause that concerns all tasks is found after 32 calls, and not after 999", async () => {
    const { calls, handler } = noted(() => {
      throw new Error("the database is down");
    });
    const { system, watched } = await backlog(500, batched({ max: 500 }, handler), {}, { maxRetries: 0 });
    await told(system, watched, 500);
    expect(calls).toHaveLength(32);
    expect(outcomes(watched)).toEqual({ dead: 500 });
  });

  test("failAll: every task fails with the error of the one call", async () => {
    const { calls, handler } = poison([1]);
    const { system } = await backlog(
      10,
      batched({ max: 10, onThrow: "failAll" }, handler),
      {},
      { maxRetries: 0 },
    );
    await ended(system, 10);
    expect(calls).toHaveLength(1);
    expect((await system.observer.stats("work")).dead).toBe(10);
  });

  test.each([
    ["FatalError", () => new FatalError("no"), { acked: 3, dead: 1 }],
    ["CancelTask", () => new CancelTask("no"), { acked: 3, cancelled: 1 }],
  ])("%s applies only to the task that throws it", async (_, error, expected) => {
    const { handler } = poison([2], error);
    const { system, watched } = await backlog(4, batched({ max: 4 }, handler));
    await told(system, watched, 4);
    expect(outcomes(watched)).toEqual(expected);
  });

  test.each([
    ["Postpone", () => new Postpone(1)],
    ["RateLimited", () => new RateLimited(1, { scope: "queue" })],
  ])("%s applies to the whole batch, costs no attempt, and the batch is not searched", async (_, error) => {
    let isRefused = true;
    const { calls, handler } = noted((tasks) => {
      if (!isRefused || tasks.length < 8) return;
      isRefused = false;
      throw error();
    });
    const { system, watched } = await backlog(8, batched({ max: 8 }, handler));
    await told(system, watched, 8);
    expect(calls[0]).toHaveLength(8);
    expect(outcomes(watched)).toEqual({ released: 8, acked: 8 });
    expect(watched.settled.every(({ attempt }) => attempt === 1)).toBe(true);
  });
});

describe("an outcome for each task", () => {
  test("each task fails, waits or completes as the handler says, each with its own result", async () => {
    const { system, watched, ids } = await backlog(
      6,
      batched({ max: 6 }, (tasks, ctx) => {
        const [, second, third, fourth] = tasks as [never, ...typeof tasks];
        ctx.fail(second as never, new FatalError("the second"));
        ctx.retryAfter(third as never, 3_600_000);
        ctx.complete(fourth as never, { own: true });
        return tasks.map(({ payload }) => (payload === 4 ? new FatalError("the fifth") : payload * 10));
      }),
    );
    await until("each task has an outcome", () => watched.settled.length === 6);
    const views = await Promise.all(ids.map((id) => system.observer.task("work", id)));
    expect(views.map((view) => view?.state)).toEqual([
      ...["completed", "dead", "scheduled", "completed", "dead", "completed"],
    ]);
    expect(views.map((view) => view?.resultText ?? null)).toEqual([
      "0",
      null,
      null,
      '{"own":true}',
      null,
      "50",
    ]);
  });

  test("a task that was complete before a throw is not run again", async () => {
    const { calls, handler } = noted((tasks, ctx) => {
      for (const task of tasks) {
        if (task.payload === 2) throw new FatalError("two");
        ctx.complete(task);
      }
    });
    const { system, watched } = await backlog(4, batched({ max: 4 }, handler));
    await told(system, watched, 4);
    expect(calls).toEqual([[0, 1, 2, 3], [2], [3]]);
    expect(outcomes(watched)).toEqual({ acked: 3, dead: 1 });
  });

  test.each([
    [[1, 2], "the batch handler returned 2 results for 3 tasks"],
    [{ done: 3 }, "a batch handler has to return nothing, or an array with one result for each task"],
    [null, "a batch handler has to return nothing, or an array with one result for each task"],
  ])(
    "a handler that returns %j is refused: all are retried, and the error says so",
    async (returned, text) => {
      const { calls, handler } = noted(() => returned);
      const { system, watched, ids } = await backlog(3, batched({ max: 3 }, handler), {
        backoff: { baseMs: 60_000 },
      });
      await until("all tasks are retried", () => watched.settled.length === 3);
      expect(outcomes(watched)).toEqual({ retried: 3 });
      expect(calls).toHaveLength(1);
      for (const id of ids)
        expect((await system.observer.task("work", id))?.history[0]?.error).toContain(`TypeError: ${text}`);
    },
  );

  test("a result without a JSON form sends its own task to the dead letters", async () => {
    const { system, watched } = await backlog(
      2,
      batched({ max: 2 }, () => [1n, 1]),
    );
    await told(system, watched, 2);
    expect(outcomes(watched)).toEqual({ acked: 1, dead: 1 });
  });

  test("a task of another call, and an outcome after the end of the call, are refused", async () => {
    const errors: unknown[] = [];
    const refused = (act: () => void) => {
      try {
        act();
      } catch (error) {
        errors.push(error);
      }
    };
    const over = gate();
    const { system } = await backlog(
      1,
      batched({ max: 5 }, (tasks, ctx) => {
        refused(() => ctx.fail({ ...tasks[0], id: "other" } as never, new Error("no")));
        refused(() => ctx.of(undefined as never));
        setImmediate(() => {
          refused(() => ctx.complete(tasks[0] as never));
          over.open();
        });
      }),
    );
    await ended(system, 1);
    await over.opened;
    expect(errors).toMatchObject([
      {
        code: "invalid_argument",
        message: "ctx.fail of a batch takes one of the tasks of its call, got the task other",
      },
      {
        code: "invalid_argument",
        message: expect.stringContaining("ctx.of of a batch takes one of the tasks"),
      },
      { code: "conflict", message: expect.stringContaining("the call of its batch has ended") },
    ]);
  });
});

describe("each task keeps its own lease", () => {
  test("a cancel of one of 256 tasks aborts only its signal, and only this task ends as cancelled", async () => {
    const running = gate();
    let aborted: boolean[] = [];
    let shared = true;
    const { system, watched, ids } = await backlog(
      256,
      batched({ max: 256 }, async (tasks, ctx) => {
        const { signal: all } = ctx;
        const cancelled = tasks[7] as (typeof tasks)[number];
        running.open();
        const { signal } = ctx.of(cancelled);
        await untilAborted(signal).catch((error) => ctx.fail(cancelled, error));
        aborted = tasks.map((task) => ctx.of(task).signal.aborted);
        shared = all.aborted;
      }),
    );
    await running.opened;
    await system.observer.cancel("work", ids[7] as string);
    await told(system, watched, 256);
    expect(aborted.flatMap((is, place) => (is ? [place] : []))).toEqual([7]);
    expect(shared).toBe(false);
    expect(outcomes(watched)).toEqual({ acked: 255, cancelled: 1 });
  });

  test("each task of a batch has its own progress, log and checkpoint", async () => {
    const { system, ids } = await backlog(
      2,
      batched({ max: 2 }, async (tasks, ctx) => {
        for (const task of tasks) {
          const { progress, log, attempt, token } = ctx.of(task);
          await progress({ n: task.payload });
          await log(`attempt ${attempt} ${token.length > 0}`);
        }
        throw new FatalError("to keep it");
      }),
    );
    await ended(system, 2);
    const [first, second] = await Promise.all(ids.map((id) => system.observer.task("work", id)));
    expect([first?.progress, second?.progress]).toEqual(['{"n":0}', '{"n":1}']);
    expect(first?.log.join()).toContain("attempt 1 true");
  });

  test("a task that is over its time-out fails alone, and is not run again with a half", async () => {
    const system = await setupSystem();
    await system.queue().enqueue("row", 0, { timeoutMs: 50, maxRetries: 0 });
    await system.queue().enqueue("row", 1);
    const { calls, handler } = noted(async (tasks, ctx) => {
      const [first] = tasks as [(typeof tasks)[number]];
      if (first.payload === 0) await untilAborted(ctx.of(first).signal);
    });
    const watched = await system.started("work", batched({ max: 2 }, handler));
    await told(system, watched, 2);
    expect(calls).toEqual([[0, 1], [1]]);
    expect(outcomes(watched)).toEqual({ acked: 1, dead: 1 });
  });

  test("a stop hands back the tasks that have not ended, with their attempts refunded, and aborts the signal of the batch", async () => {
    const running = gate();
    let reason: unknown;
    const { system, watched, ids } = await backlog(
      3,
      batched({ max: 3 }, async (tasks, ctx) => {
        ctx.complete(tasks[0] as never);
        running.open();
        await untilAborted(ctx.signal).catch((error) => {
          reason = error;
        });
      }),
    );
    await running.opened;
    await watched.worker.stop({ graceMs: 0 });
    expect(reason).toMatchObject({ reason: "shutdown" });
    const views = await Promise.all(ids.map((id) => system.observer.task("work", id)));
    expect(views.map((view) => [view?.state, view?.attempts])).toEqual([
      ["completed", 1],
      ["pending", 0],
      ["pending", 0],
    ]);
  });

  test("middleware runs around each task, and a task that the middleware answers itself is not in the batch", async () => {
    const system = await setupSystem();
    await system.queue().enqueueMany(rows(4));
    const { calls, handler } = noted((tasks) => tasks.map(({ payload }) => payload));
    const { worker, settled } = system.worker("work", batched({ max: 4 }, handler));
    const seen: unknown[] = [];
    worker.use(async (task, ctx, next) => {
      await sleep(task.payload);
      if (task.payload === 1) return "not needed";
      if (task.payload === 2) throw new FatalError("refused");
      const result = await next();
      seen.push([task.payload, ctx.attempt, result]);
      return result;
    });
    await worker.start();
    await ended(system, 4);
    expect(calls).toEqual([[0, 3]]);
    expect(seen).toEqual([
      [0, 1, 0],
      [3, 1, 3],
    ]);
    expect(settled.map(({ outcome }) => outcome).toSorted()).toEqual(["acked", "acked", "acked", "dead"]);
  });
});

describe("invalid batches are refused, and the error names the field and the remedy", () => {
  test.each([
    [{}, "max is missing: it has to be a whole number from 1 to 500"],
    [{ max: 0 }, "max has to be a whole number from 1 to 500"],
    [{ max: 5, waitMs: -1 }, "waitMs has to be a whole number from 0"],
    [{ max: 5, by: "tenant" }, "by has to be key, or a function"],
    [{ max: 5, onThrow: "retry" }, "onThrow has to be bisect or failAll"],
    [{ max: 5, size: 5 }, "size is not an option of a batch handler: did you mean max"],
    [{ max: 5, maxBytes: 0.5 }, "maxBytes has to be a whole number from 1"],
  ])("batch(%j)", (options, text) => {
    expect(() => batch(options as never, () => {})).toThrow(text);
  });

  test("a batch without a handler, and slots that are too few", async () => {
    expect(() => batch({ max: 5 }, undefined as never)).toThrow(
      "the handler of a batch has to be a function",
    );
    const system = await setupSystem();
    const handlers = batched({ max: 100 }, () => {});
    expect(() => system.worker("work", handlers, { concurrency: 50 })).toThrow(
      'concurrency (50) has to be at least the max (100) of the batch handler "row", because each task of a batch takes a slot: set concurrency (of the worker service: WORKER_CONCURRENCY) to 100 or more, or max to 50 or less',
    );
    const entry = { row: { handler: batch({ max: 10 }, () => {}), concurrency: 5 } };
    expect(() => system.worker("work", entry)).toThrow('handlers["row"].concurrency (5) has to be at least');
    expect(system.worker("work", handlers).worker.slots).toBe(100);
    expect(
      system.worker(
        "work",
        batched({ max: 10 }, () => {}),
      ).worker.slots,
    ).toBe(50);
  });
});
