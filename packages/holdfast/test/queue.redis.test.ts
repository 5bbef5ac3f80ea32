import { until } from "@holdfast/testing";
import { describe, expect, test } from "vitest";
import { Queue, Worker } from "../src/index.ts";
import { afterwards, library, started } from "./support/library.ts";
import { redisUrl } from "./support/setup.ts";

describe("enqueue", () => {
  test("10,000 concurrent calls need at most 100 script calls, and each gets its own id", async () => {
    let calls = 0;
    const { queue, observer, name } = library({
      onScript: (script) => {
        if (script === "enqueue") calls++;
      },
    });
    const receipts = await Promise.all(Array.from({ length: 10_000 }, (_, i) => queue.enqueue("t", i)));
    expect(calls).toBeLessThanOrEqual(100);
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(10_000);
    expect(await observer.stats(name)).toMatchObject({ pending: 10_000, totals: { enqueued: 10_000 } });
    const last = receipts.at(-1)?.id ?? "";
    expect((await queue.get(last))?.payloadText).toBe("9999");
  });

  test("options of a task of a batch may be given in `options`", async () => {
    const { queue } = library();
    const results = await queue.enqueueMany([
      { type: "t", payload: 1, options: { id: "nested", delayMs: 60_000 } },
      { type: "t", payload: 2, id: "nested", options: { id: "nested" } },
    ]);
    expect(results).toMatchObject([
      { ok: true, receipt: { id: "nested", state: "scheduled" } },
      { ok: false, id: "nested", error: { code: "invalid_argument" } },
    ]);
  });

  test("enqueueMany calls of one event-loop turn share a script call, as the requests of an HTTP service do", async () => {
    let calls = 0;
    const { queue } = library({
      onScript: (script) => {
        if (script === "enqueue") calls++;
      },
    });
    await queue.enqueue("t", "connects");
    const results = await Promise.all(
      Array.from({ length: 100 }, (_, i) => queue.enqueueMany([{ type: "t", payload: i }])),
    );
    expect(results.flat().filter((result) => result.ok)).toHaveLength(100);
    expect(calls).toBe(2);
  });

  test("the first enqueue registers the queue", async () => {
    const { queue, observer, name } = library();
    await expect(observer.stats(name)).rejects.toMatchObject({ code: "queue_not_found" });
    await queue.enqueue("t", null);
    expect(await observer.queues()).toContain(name);
  });

  test("options reach the task", async () => {
    const { queue } = library();
    const { id, state } = await queue.enqueue("t", {}, { delayMs: 60_000, tags: ["a"], maxRetries: 0 });
    expect(state).toBe("scheduled");
    expect(await queue.get(id)).toMatchObject({ state: "scheduled", tags: ["a"], maxRetries: 0 });
  });

  test("an id with the same body is a duplicate; an id with another body is a conflict, and the error names the id (I10)", async () => {
    const { queue } = library();
    expect(await queue.enqueue("t", { a: 1 }, { id: "x" })).toMatchObject({ id: "x", duplicate: false });
    expect(await queue.enqueue("t", { a: 1 }, { id: "x" })).toMatchObject({ id: "x", duplicate: true });
    for (const [type, payload, options] of [
      ["t", { a: 2 }, {}],
      ["other", { a: 1 }, {}],
      ["t", { a: 1 }, { priority: "high" as const }],
    ] as const) {
      await expect(queue.enqueue(type, payload, { id: "x", ...options })).rejects.toMatchObject({
        code: "task_conflict",
        taskId: "x",
      });
    }
  });

  test("an id is free again if its task ended without completing, and the receipt says what will run", async () => {
    const { name, queue, observer, redis } = library();
    const delayed = { id: "x", delayMs: 60_000 };
    expect(await queue.enqueue("t", 1, delayed)).toMatchObject({ duplicate: false, willRun: true });
    expect(await queue.enqueue("t", 1, delayed)).toMatchObject({
      duplicate: true,
      willRun: true,
      state: "scheduled",
    });
    await queue.cancel("x");
    // A caller can change the time of a task: cancel it and enqueue it again.
    expect(await queue.enqueue("t", 1, { id: "x", delayMs: 0 })).toMatchObject({
      state: "pending",
      duplicate: false,
    });
    await queue.cancel("x");
    expect(await queue.enqueue("t", 1, { id: "x", ifEnded: "duplicate", delayMs: 0 })).toEqual({
      ...{ id: "x", state: "cancelled", duplicate: true, willRun: false, durability: "memory" },
    });
    await expect(queue.enqueue("t", 2, { id: "x", ifEnded: "duplicate" })).rejects.toMatchObject({
      code: "task_conflict",
    });
    await started(new Worker(name, { t: (task) => task.payload }, { redis }));
    expect(await queue.enqueue("t", 3, { id: "x" })).toMatchObject({ duplicate: false });
    expect(await queue.result("x")).toMatchObject({ state: "completed", resultText: "3", generation: 2 });
    expect(await queue.enqueue("t", 3, { id: "x" })).toMatchObject({
      ...{ state: "completed", duplicate: true, willRun: false },
    });
    await observer.empty(name, ["completed"]);
    expect(await queue.enqueue("t", 3, { id: "x" })).toMatchObject({ state: "purged", willRun: false });
    const both = await queue.enqueueMany([
      { type: "t", payload: 3, id: "x" },
      { type: "t", payload: 3, id: "x", ifEnded: "duplicate" },
    ]);
    expect(both.map((result) => result.ok && result.receipt.willRun)).toEqual([false, false]);
  });

  test("the id of a task whose cancel was requested is refused until the task has ended", async () => {
    const { name, queue, redis } = library();
    let stop = () => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    let runs = 0;
    await started(
      new Worker(name, { t: () => (runs++ === 0 ? stopped.then(() => Promise.reject("no")) : 1) }, { redis }),
    );
    await queue.enqueue("t", 1, { id: "x" });
    await until("the task runs", () => runs === 1);
    expect(await queue.cancel("x")).toBe("requested");
    await expect(queue.enqueue("t", 1, { id: "x" })).rejects.toMatchObject({
      ...{ code: "task_conflict", taskId: "x", retryAfterMs: 1_000 },
      message: expect.stringContaining("was asked to stop"),
    });
    stop();
    await until("the task has ended", async () => (await queue.get("x"))?.state === "cancelled");
    expect(await queue.enqueue("t", 1, { id: "x" })).toMatchObject({ duplicate: false });
    expect(await queue.result("x")).toMatchObject({ state: "completed" });
  });

  test("a repeat whose runAt is computed from the clock is the same task, and one for another time is a conflict", async () => {
    const { queue } = library();
    const inAMinute = () => ({ id: "remind", runAt: Date.now() + 60_000 });
    const first = await queue.enqueue("t", 1, inAMinute());
    expect(first).toMatchObject({ state: "scheduled", duplicate: false });
    const began = Date.now();
    await until("the clock goes on", () => Date.now() > began + 20);
    expect(await queue.enqueue("t", 1, inAMinute())).toMatchObject({ state: "scheduled", duplicate: true });
    for (const other of [{ id: "remind", runAt: Date.now() + 90_000 }, { id: "remind" }])
      await expect(queue.enqueue("t", 1, other)).rejects.toMatchObject({ code: "task_conflict" });
  });

  test.each([
    ["t", {}, { id: "a", ifEnded: "never" as never }, "invalid_argument"],
    ["t", {}, { ifEnded: "duplicate" as const }, "invalid_argument"],
    ["t", {}, { delayMs: -1 }, "invalid_argument"],
    ["t", {}, { delayMs: 1, runAt: 1 }, "invalid_argument"],
    ["t", {}, { id: "no spaces" }, "invalid_task_id"],
    ["no spaces", {}, {}, "invalid_task_type"],
    ["t", undefined, {}, "invalid_argument"],
    ["t", 1n, {}, "invalid_argument"],
    ["t", "x".repeat(262_143), {}, "payload_too_large"],
    ["t", {}, { durability: "always" as never }, "invalid_argument"],
    ["t", {}, { durability: "replicated" as const, replicas: 0 }, "invalid_argument"],
  ])("refuses %s %s %j before anything is sent", async (type, payload, options, code) => {
    const { queue, observer } = library();
    await expect(queue.enqueue(type, payload, options)).rejects.toMatchObject({ code });
    expect(await observer.queues()).not.toContain(queue.name);
  });

  test("a full queue is reported with the time after which to try again", async () => {
    const { queue, observer, name } = library();
    await observer.configure(name, { maxWaiting: 1 });
    await queue.enqueue("t", 1);
    await expect(queue.enqueue("t", 2)).rejects.toMatchObject({ code: "queue_full", retryAfterMs: 1_000 });
  });

  test("is refused after the queue was closed, and earlier tasks are sent", async () => {
    const { name, queue } = library();
    const other = new Queue(name, { redis: redisUrl(), lingerMs: 50 });
    await other.enqueue("t", 0);
    const waiting = other.enqueue("t", 1);
    await other.close();
    const { id } = await waiting;
    expect(await queue.get(id)).toMatchObject({ state: "pending" });
    await expect(other.enqueue("t", 2)).rejects.toMatchObject({ code: "closed" });
  });
});

describe("enqueueMany", () => {
  test("answers each task in order, and refused tasks do not stop the others", async () => {
    const { queue } = library();
    await queue.enqueue("t", 1, { id: "taken" });
    const results = await queue.enqueueMany([
      { type: "t", payload: 1 },
      { type: "t", payload: 2, id: "taken" },
      { type: "", payload: 1, id: "bad-type" },
      { type: "t", payload: 1, id: "taken" },
      { type: "t" },
      { type: "t", payloadText: "[1,2]", priority: "high" },
    ]);
    expect(results.map((result) => (result.ok ? result.receipt.duplicate : result.error.code))).toEqual([
      false,
      "task_conflict",
      "invalid_task_type",
      true,
      "invalid_argument",
      false,
    ]);
    expect(results[1]).toMatchObject({ id: "taken" });
    expect(results[2]).toMatchObject({ id: "bad-type" });
    const last = results[5]?.ok ? results[5].receipt.id : "";
    expect(await queue.get(last)).toMatchObject({ payloadText: "[1,2]", priority: "high" });
  });
});

describe("bytes (I13)", () => {
  test.each([
    "12345678901234567890",
    "[]",
    "{}",
    '"\\ud800\\udfff\\ud800"',
    `${"[".repeat(64)}1${"]".repeat(64)}`,
    ' {"a" : 1.50, "a": 2}\n',
    '"\\u0000"',
  ])("the payload %s reaches the worker unchanged", async (payloadText) => {
    const { name, queue, redis } = library();
    const seen: string[] = [];
    const echo = (task: { payloadText: string }) => void seen.push(task.payloadText);
    await started(new Worker(name, { echo }, { redis }));
    const { id } = await queue.enqueueText("echo", payloadText);
    expect(await queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed", payloadText });
    expect(seen).toEqual([payloadText]);
  });

  test("a lone surrogate that is not escaped is refused, since UTF-8 has none", async () => {
    const { queue } = library();
    await expect(queue.enqueueText("t", '"\ud800"')).rejects.toMatchObject({ code: "invalid_argument" });
    // JSON.stringify escapes half of a surrogate pair.
    const { id } = await queue.enqueue("t", "\ud800");
    expect((await queue.get(id))?.payloadText).toBe('"\\ud800"');
  });
});

describe("wait and result", () => {
  test("resolve when the task ends, with what the handler returned", async () => {
    const { name, queue, redis } = library();
    await started(new Worker(name, { add: (task) => ({ sum: task.payload.a + task.payload.b }) }, { redis }));
    const { id } = await queue.enqueue("add", { a: 1, b: 2 });
    expect(await queue.wait(id, { waitMs: 10_000 })).toMatchObject({ resultText: '{"sum":3}', attempts: 1 });
    expect(await queue.result(id)).toMatchObject({ state: "completed" });
  });

  test("after waitMs, wait returns the task as it is, and result returns null", async () => {
    const { queue } = library();
    const { id } = await queue.enqueue("t", 1);
    expect(await queue.wait(id, { waitMs: 20 })).toMatchObject({ state: "pending" });
    expect(await queue.result(id, { waitMs: 20 })).toBeNull();
  });

  test("an unknown task is null at once", async () => {
    const { queue } = library();
    await queue.enqueue("t", 1);
    expect(await queue.wait("nobody", { waitMs: 30_000 })).toBeNull();
    expect(await queue.result("nobody", { waitMs: 30_000 })).toBeNull();
    await expect(queue.get("no id")).rejects.toMatchObject({ code: "invalid_task_id" });
  });

  test("an abort ends the wait", async () => {
    const { queue } = library();
    const { id } = await queue.enqueue("t", 1);
    const abort = new AbortController();
    const waiting = queue.wait(id, { waitMs: 30_000, signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });
});

describe("an operator", () => {
  test("moves a dead letter to another queue, under an id of its own, once", async () => {
    const { name, queue, observer, engine, client } = library();
    const to = library();
    const { id } = await queue.enqueue("t", { a: 1 }, { priority: "high", tags: ["x"] });
    const base = {
      ...{ want: 1, held: 0, leaseMs: 1_000, maxRetries: 0, workerId: "w", nonce: "n" },
      ...{ park: false, noHandlerAfterMs: 1_000 },
    };
    const [grant] = (await engine.acquire(base)).grants;
    const fence = grant?.fence ?? "";
    await engine.settle([{ kind: "fatal", id, fence, error: "x" }], { ...base, want: 0 });
    expect(await observer.replay(name, [id, "nobody"], { to: to.name })).toEqual([
      { id, outcome: "moved", newId: `${id}.g1` },
      { id: "nobody", outcome: "not_found" },
    ]);
    expect(await queue.get(id)).toBeNull();
    expect(await to.queue.get(`${id}.g1`)).toMatchObject({
      state: "pending",
      type: "t",
      payloadText: '{"a":1}',
      priority: "high",
      tags: ["x"],
    });
    expect(await observer.replay(name, [id], { to: to.name })).toEqual([{ id, outcome: "not_found" }]);
    expect((await to.observer.stats(to.name)).totals.enqueued).toBe(1);
    expect(client).not.toBe(to.client);
  });

  test("empties and deletes a queue, which is then unknown", async () => {
    const { name, queue, observer } = library();
    await queue.enqueueMany([
      { type: "t", payload: 1 },
      { type: "t", payload: 1, delayMs: 9_999 },
    ]);
    await expect(observer.deleteQueue(name)).rejects.toMatchObject({ code: "queue_not_paused" });
    await observer.pause(name);
    expect(await observer.deleteQueue(name)).toEqual({ removed: 2 });
    await expect(observer.stats(name)).rejects.toMatchObject({ code: "queue_not_found" });
  });

  test("pages through the tasks of a state with a cursor that is checked", async () => {
    const { name, queue, observer } = library();
    await queue.enqueueMany(
      Array.from({ length: 5 }, (_, i) => ({
        type: i % 2 ? "odd" : "even",
        payload: i,
        id: `t${i}`,
      })),
    );
    const first = await observer.list(name, { state: "pending", limit: 3 });
    expect(first.tasks.map(({ id }) => id)).toEqual(["t0", "t1", "t2"]);
    const second = await observer.list(name, { state: "pending", limit: 3, cursor: first.cursor ?? "" });
    expect(second).toMatchObject({ tasks: [{ id: "t3" }, { id: "t4" }], cursor: null });
    const odd = await observer.list(name, { state: "pending", type: "odd" });
    expect(odd.tasks.map(({ id }) => id)).toEqual(["t1", "t3"]);
    for (const cursor of ["x", "", Buffer.from("9~1").toString("base64url")]) {
      await expect(observer.list(name, { state: "pending", cursor })).rejects.toMatchObject({
        code: "invalid_cursor",
      });
    }
  });
});

test("a queue name outside the pattern is refused", () => {
  for (const name of ["", ".a", "a{b}", "a..b", "a/b", "x".repeat(65)]) {
    expect(() => new Queue(name, { redis: redisUrl() })).toThrow(/is not a valid queue name/);
  }
  const queue = new Queue("a", { redis: redisUrl() });
  afterwards(() => queue.close());
});
