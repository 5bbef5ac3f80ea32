import { FatalError, RetryAfter } from "@holdfast/contracts";
import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { gate, setupSystem, untilAborted } from "./harness.ts";

const quick = { kind: "fixed", baseMs: 20, jitter: "none" } as const;

test("a handler gets its task, and its return value is kept as the result", async () => {
  const system = await setupSystem();
  const seen: unknown[] = [];
  await system.started("work", {
    sum: (task, ctx) => {
      seen.push([task.id, task.type, task.queue, task.attempt, task.payloadText, task.tags, ctx.token]);
      return { sum: task.payload.a + task.payload.b };
    },
  });
  const { id } = await system.queue().enqueue("sum", { a: 1, b: 2 }, { tags: ["x"] });
  const task = await system.queue().result(id, { waitMs: 5_000 });
  expect(task).toMatchObject({ state: "completed", resultText: '{"sum":3}', attempts: 1, failures: 0 });
  expect(seen).toEqual([[id, "sum", "work", 1, '{"a":1,"b":2}', ["x"], `${task?.fence}.1`]]);
  expect(task?.fence).toMatch(/^\d+-[\w-]{8}$/);
});

test("the payload is handed over byte for byte", async () => {
  const system = await setupSystem();
  await system.started("work", { echo: (task) => task.payloadText });
  const text = '{"n": 12345678901234567890, "empty":[ ], "s":"\\ud800"}';
  const { id } = await system.queue().enqueueText("echo", text);
  const task = await system.queue().result(id, { waitMs: 5_000 });
  expect(JSON.parse(task?.resultText ?? "")).toBe(text);
  expect(task?.payloadText).toBe(text);
});

test("the stored stack of an error has the handler, but not the worker", async () => {
  const system = await setupSystem();
  const { settled } = await system.started("work", {
    charge: function charge() {
      throw new Error("no such card");
    },
  });
  const { id } = await system.queue().enqueue("charge", null, { maxRetries: 0 });
  await until("the failure is settled", () => settled.length === 1);
  const task = await system.queue().get(id);
  expect(task?.lastError).toMatch(/^Error: no such card\n {4}at (Object\.)?charge \([^\n]+\)$/);
  // The event contains the whole error, with a stack that names the worker.
  expect(settled[0]?.error).toMatchObject({ stack: expect.stringContaining("held-tasks") });
});

test("a task whose handler throws is retried after its backoff, and each attempt is reported once it is stored in Redis", async () => {
  const system = await setupSystem();
  const { settled } = await system.started(
    "work",
    {
      flaky: (task) => {
        if (task.attempt < 3) throw new Error(`no ${task.attempt}`);
        return "yes";
      },
    },
    { pollMs: 20 },
  );
  const backoff = { kind: "fixed", baseMs: 200, jitter: "none" } as const;
  const { id } = await system.queue().enqueue("flaky", null, { backoff });
  const task = await system.queue().result(id, { waitMs: 5_000 });
  expect(task).toMatchObject({ state: "completed", attempts: 3, failures: 2, crashes: 0 });
  expect(task?.history.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
    [1, "failed"],
    [2, "failed"],
    [3, "acked"],
  ]);
  expect(task?.history[0]?.error).toContain("no 1");
  const [first, second, third] = task?.history ?? [];
  expect((second?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(200);
  expect((third?.startedAt ?? 0) - (second?.endedAt ?? 0)).toBeGreaterThanOrEqual(200);
  await until("three attempts are reported", () => settled.length === 3);
  expect(settled.map(({ outcome, attempt }) => [outcome, attempt])).toEqual([
    ["retried", 1],
    ["retried", 2],
    ["acked", 3],
  ]);
  expect(settled[0]).toMatchObject({ task: { id, type: "flaky", queue: "work" }, error: new Error("no 1") });
});

test("a task without attempts left is dead, with every attempt in its history", async () => {
  const system = await setupSystem();
  const { settled } = await system.started(
    "work",
    {
      never: () => {
        throw new Error("never");
      },
    },
    { maxRetries: 2, backoff: quick, pollMs: 20 },
  );
  const { id } = await system.queue().enqueue("never", null);
  const task = await system.queue().result(id, { waitMs: 5_000 });
  expect(task).toMatchObject({ state: "dead", deadReason: "retries_exhausted", attempts: 3, failures: 3 });
  expect(task?.history).toHaveLength(3);
  await until("three attempts are reported", () => settled.length === 3);
  expect(settled[2]).toMatchObject({ outcome: "dead", deadReason: "retries_exhausted" });
});

test("a FatalError makes the task dead at once, and a RetryAfter sets the wait", async () => {
  const system = await setupSystem();
  await system.started(
    "work",
    {
      fatal: () => {
        throw new FatalError("no such user");
      },
      later: (task) => {
        if (task.attempt === 1) throw new RetryAfter(400);
      },
    },
    { backoff: { kind: "fixed", baseMs: 0, jitter: "none" }, pollMs: 20 },
  );
  const queue = system.queue();
  const fatal = await queue.enqueue("fatal", null);
  const later = await queue.enqueue("later", null);
  expect(await queue.result(fatal.id, { waitMs: 5_000 })).toMatchObject({
    state: "dead",
    deadReason: "fatal",
    attempts: 1,
    lastError: expect.stringContaining("no such user"),
  });
  const task = await queue.result(later.id, { waitMs: 5_000 });
  const [first, second] = task?.history ?? [];
  expect(task).toMatchObject({ state: "completed", attempts: 2 });
  expect((second?.startedAt ?? 0) - (first?.endedAt ?? 0)).toBeGreaterThanOrEqual(400);
});

test("whatever a handler throws or returns, the other tasks of the same settle are settled", async () => {
  const system = await setupSystem();
  const imposter = Object.assign(new Error("soon"), { name: "RetryAfter", delayMs: "soon" });
  await system.started(
    "work",
    {
      bare: () => {
        throw Object.create(null);
      },
      imposter: (task) => {
        if (task.attempt === 1) throw imposter;
      },
      // biome-ignore lint/suspicious/noThenProperty: a query builder, say
      thenable: () => ({ then: (resolve: (value: string) => void) => setImmediate(resolve, "later") }),
      circular: () => {
        const value: { self?: unknown } = {};
        value.self = value;
        return value;
      },
      ok: () => "ok",
    },
    { pollMs: 20, maxRetries: 0 },
  );
  const queue = system.queue();
  const types = ["bare", "imposter", "thenable", "circular", "ok"];
  const results = await queue.enqueueMany(types.map((type) => ({ type, maxRetries: 1, payload: 0 })));
  const ended = await Promise.all(
    results.map((result) => queue.result(result.ok ? result.receipt.id : "", { waitMs: 8_000 })),
  );
  expect(ended[3]).toMatchObject({ deadReason: "fatal", attempts: 1 });
  expect(ended.map((task) => [task?.type, task?.state, task?.resultText])).toEqual([
    ["bare", "dead", null],
    ["imposter", "completed", null],
    ["thenable", "completed", '"later"'],
    // A result that cannot be written as JSON ends the task. A retry would repeat the work and end in the same way.
    ["circular", "dead", null],
    ["ok", "completed", '"ok"'],
  ]);
});

test("a time-out is a failure, and aborts the handler's signal", async () => {
  const system = await setupSystem();
  let reason: unknown;
  const { settled } = await system.started("work", {
    slow: (_, ctx) =>
      untilAborted(ctx.signal).catch((error) => {
        reason = error;
        throw error;
      }),
  });
  const { id } = await system.queue().enqueue("slow", null, { timeoutMs: 300, maxRetries: 0 });
  const task = await system.queue().result(id, { waitMs: 5_000 });
  expect(task).toMatchObject({ state: "dead", deadReason: "retries_exhausted", failures: 1, crashes: 0 });
  expect(task?.lastError).toContain("TimeoutError");
  expect(reason).toMatchObject({ reason: "timed_out" });
  await until("one attempt is reported", () => settled.length === 1);
});

test("a time-out does not fire before its time", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("slow", null, { timeoutMs: 2_000, maxRetries: 0 });
  let abortedAt = 0;
  await system.started("work", {
    slow: (_, ctx) =>
      untilAborted(ctx.signal).finally(() => {
        abortedAt = performance.now();
      }),
  });
  // The worker acquires in the next turn of the event loop, so the measured time starts a little early.
  const startedAt = performance.now();
  const task = await system.queue().result(id, { waitMs: 10_000 });
  expect(abortedAt - startedAt).toBeGreaterThanOrEqual(2_000);
  expect(task).toMatchObject({ state: "dead", failures: 1, crashes: 0 });
  expect(task?.lastError).toBe("TimeoutError: timed out after 2000 ms");
});

test("the time-out counts from the grant: a task that waited behind a blocking one fails before it can be reaped", async () => {
  const system = await setupSystem();
  await system.janitor({ sweepIntervalMs: 20 }).start();
  const busyUntil = (end: number) => {
    while (performance.now() < end);
  };
  const queue = system.queue();
  const [, second] = [
    await queue.enqueue("block", null),
    await queue.enqueue("slow", null, { timeoutMs: 1_000, maxRetries: 0 }),
  ];
  await system.started("work", {
    block: () => busyUntil(performance.now() + 500),
    slow: (_, ctx) => untilAborted(ctx.signal),
  });
  const task = await queue.result(second.id, { waitMs: 5_000 });
  expect(task).toMatchObject({ state: "dead", failures: 1, crashes: 0 });
});

test("progress and log lines can be read while the task runs", async () => {
  const system = await setupSystem();
  const told = gate();
  const end = gate();
  await system.started("work", {
    long: async (_, ctx) => {
      await ctx.progress({ done: 3, of: 7 });
      await ctx.log("first line");
      await ctx.log("50 % done\nand more");
      told.open();
      await end.opened;
    },
  });
  const { id } = await system.queue().enqueue("long", null);
  await told.opened;
  expect(await system.queue().get(id)).toMatchObject({
    state: "processing",
    progress: '{"done":3,"of":7}',
    log: ["first line", "50 % done\nand more"],
  });
  end.open();
  expect((await system.queue().result(id, { waitMs: 5_000 }))?.state).toBe("completed");
});

test("cancelling a running task aborts its signal within one heartbeat, and it ends as cancelled", async () => {
  const system = await setupSystem();
  const running = gate();
  let abortedAt = 0;
  const { settled } = await system.started(
    "work",
    {
      long: (_, ctx) => {
        running.open();
        return untilAborted(ctx.signal).finally(() => {
          abortedAt = performance.now();
        });
      },
    },
    { leaseMs: 900 },
  );
  const { id } = await system.queue().enqueue("long", null);
  await running.opened;
  expect(await system.queue().cancel(id)).toBe("requested");
  const cancelledAt = performance.now();
  expect(await system.queue().result(id, { waitMs: 5_000 })).toMatchObject({
    state: "cancelled",
    history: [{ outcome: "failed", error: expect.stringContaining("a cancel was requested") }],
  });
  // Heartbeats are sent every third of the lease. With the default lease, the first one would come after 10 s.
  expect(abortedAt - cancelledAt).toBeLessThan(5_000);
  await until("the attempt is reported", () => settled.length === 1);
  expect(settled[0]).toMatchObject({ outcome: "cancelled", attempt: 1 });
});

test("an ack that arrives before the heartbeat reports the cancel wins", async () => {
  const system = await setupSystem();
  const running = gate();
  const end = gate();
  await system.started("work", {
    long: async () => {
      running.open();
      await end.opened;
      return "done";
    },
  });
  const { id } = await system.queue().enqueue("long", null);
  await running.opened;
  expect(await system.queue().cancel(id)).toBe("requested");
  end.open();
  expect(await system.queue().result(id, { waitMs: 5_000 })).toMatchObject({
    state: "completed",
    resultText: '"done"',
  });
});

test("a task of an unknown type is handed back without using up an attempt, until a worker has a handler", async () => {
  const system = await setupSystem();
  const old = await system.started("work", { known: () => 1 }, { pollMs: 100 });
  const queue = system.queue();
  const { id } = await queue.enqueue("novel", null);
  await until("the task is released", () => old.settled.length > 0);
  expect(old.settled[0]).toMatchObject({ outcome: "released", task: { id } });
  expect(await queue.get(id)).toMatchObject({
    state: "pending",
    attempts: 0,
    failures: 0,
    unroutedSince: expect.any(Number),
  });
  await old.worker.stop();
  await system.started("work", { novel: () => "known now" }, { pollMs: 100 });
  expect(await queue.result(id, { waitMs: 5_000 })).toMatchObject({
    state: "completed",
    attempts: 1,
    resultText: '"known now"',
  });
});

test("a task for whose type no worker has a handler for noHandlerAfterMs is dead as no_handler", async () => {
  const system = await setupSystem();
  await system.started("work", {}, { pollMs: 50, noHandlerAfterMs: 300 });
  await system.janitor({ sweepIntervalMs: 50 }).start();
  const { id } = await system.queue().enqueue("novel", null);
  expect(await system.queue().result(id, { waitMs: 8_000 })).toMatchObject({
    state: "dead",
    deadReason: "no_handler",
  });
});

test("records that cannot be decoded are quarantined with their raw bytes, and their neighbours run", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const results = await queue.enqueueMany(Array.from({ length: 9 }, (_, n) => ({ type: "ok", payload: n })));
  const ids = results.map((result) => (result.ok ? result.receipt.id : ""));
  const broken = ["no header at all", "+ok zzz t=soon m=few e=never\n1", ".\n"];
  for (const [n, envelope] of broken.entries()) {
    await system.redis.hset(system.keys().tasks, ids[3 * n + 1] as string, envelope);
  }
  const { errors } = await system.started("work", { ok: (task) => task.payload });
  const ended = await Promise.all(ids.map((id) => queue.result(id, { waitMs: 5_000 })));
  expect(ended.map((task) => task?.state)).toEqual(ids.map((_, n) => (n % 3 === 1 ? "dead" : "completed")));
  for (const [n, envelope] of broken.entries()) {
    expect(ended[3 * n + 1]).toMatchObject({ deadReason: "undecodable", payloadText: envelope });
  }
  expect((await system.observer.list("work", { state: "dead" })).tasks).toHaveLength(3);
  expect(errors).toEqual([]);
});

test("a task past its expiresAt does not run, and is reported as expired", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const expiresAt = Date.now() + 50;
  const { id } = await queue.enqueue("late", null, { expiresAt });
  const fresh = await queue.enqueue("late", null, { expiresAt: Date.now() + 60_000 });
  await until("the expiry of the task has passed", () => Date.now() > expiresAt + 5);
  const ran: string[] = [];
  const { settled } = await system.started("work", { late: (task) => void ran.push(task.id) });
  expect((await queue.result(fresh.id, { waitMs: 5_000 }))?.state).toBe("completed");
  expect((await queue.get(id))?.state).toBe("expired");
  expect(ran).toEqual([fresh.id]);
  await until("both tasks are reported", () => settled.length === 2);
  expect(settled.find((event) => event.task.id === id)).toMatchObject({ outcome: "expired", attempt: 0 });
});

test("a listener that throws does not harm any task", async () => {
  const system = await setupSystem();
  const { worker, errors } = system.worker("work", { ok: () => 1 }, { concurrency: 5 });
  worker.on("settled", () => {
    throw new Error("a bug of the user's");
  });
  await worker.start();
  const queue = system.queue();
  await queue.enqueueMany(Array.from({ length: 40 }, () => ({ type: "ok", payload: 0 })));
  await until("all tasks are completed", async () => (await system.observer.stats("work")).completed === 40);
  expect((await system.observer.stats("work")).totals).toMatchObject({ attempts: 40, acked: 40 });
  await until("the bug is reported", () => errors.length >= 40);
  expect(errors[0]?.message).toContain("a bug of the user's");
});
