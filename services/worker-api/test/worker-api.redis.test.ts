import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Observer, Queue, type TaskOptions } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { type Answer, post, startWorkerApi } from "./support.ts";

let redis: RedisServer;
let app: App;
let base: string;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  ({ app, base } = await startWorkerApi(redis.url));
});

afterAll(async () => {
  await app?.stop();
  await redis?.stop();
});

/** Makes a new queue, and a worker that numbers its own requests. */
async function setup(partitions?: number) {
  const name = `work-${++queues}`;
  const queue = new Queue(name, { redis: redis.url, ...(partitions ? { partitions } : {}) });
  const observer = new Observer({ redis: redis.url });
  const worker = (workerId = `w-${queues}`) => {
    let requestId = 0;
    const ask = (path: string, body: object): Promise<Answer> => post(base, name, path, body);
    return {
      workerId,
      ask,
      acquire: (want = 1, more: object = {}) =>
        ask("acquire", { workerId, requestId: ++requestId, want, ...more }),
      settle: (verdicts: object[], more: object = {}) =>
        ask("settle", { workerId, requestId: ++requestId, verdicts, ...more }),
      again: (path: string, body: object) => ask(path, { workerId, requestId, ...body }),
    };
  };
  const enqueue = (payload: unknown, options: TaskOptions = {}) => queue.enqueue("t", payload, options);
  return {
    name,
    queue,
    observer,
    worker,
    enqueue,
    end: () => Promise.all([queue.close(), observer.close()]),
  };
}

const of = ({ id, token }: { id: string; token: string }) => ({ id, token });

describe("acquire and settle", () => {
  test("a task goes to the worker with its exact payload, and is completed with its exact result", async () => {
    const { queue, worker, end } = await setup();
    const { acquire, settle } = worker();
    const { id } = await queue.enqueue(
      "t",
      { text: "é😀", n: 1 },
      { tags: ["a"], key: "k", timeoutMs: 5_000 },
    );
    const { status, json } = await acquire(5);
    expect(status).toBe(200);
    expect(json).toMatchObject({ alone: false, makeRoom: false, draining: false });
    const [task] = json.tasks;
    expect(task).toMatchObject({
      ...{ id, type: "t", payload: { text: "é😀", n: 1 }, attempt: 1, tags: ["a"], key: "k" },
      ...{ timeoutMs: 5_000, leaseMs: 30_000, schedule: null, expiresAt: null, flow: null },
    });
    const settled = await settle([{ ...of(task), verdict: "complete", resultText: "12345678901234567890" }]);
    expect(settled.json).toMatchObject({ outcomes: ["acked"], warnings: [], tasks: [] });
    const view = await queue.get(id);
    expect(view).toMatchObject({ state: "completed", resultText: "12345678901234567890", attempts: 1 });
    await end();
  });

  test("each verdict does what the protocol says", async () => {
    const { queue, worker, enqueue, end } = await setup();
    const { acquire, settle } = worker();
    const error = { name: "ValueError", message: "no", stack: "  at somewhere" };
    const cases: [object, string, object][] = [
      [
        { verdict: "complete", result: { ok: true } },
        "acked",
        { state: "completed", resultText: '{"ok":true}' },
      ],
      [{ verdict: "complete" }, "acked", { state: "completed", resultText: null }],
      [{ verdict: "fail", error, delayMs: 60_000 }, "retried", { state: "scheduled" }],
      [{ verdict: "fatal", error }, "dead", { state: "dead", deadReason: "fatal" }],
      [{ verdict: "cancel" }, "cancelled", { state: "cancelled" }],
      [{ verdict: "postpone", delayMs: 60_000 }, "released", { state: "scheduled" }],
      [{ verdict: "no_handler" }, "released", { state: "pending" }],
      // This task may be due again at any moment, so it comes last.
      [{ verdict: "fail", error }, "retried", { state: "scheduled" }],
    ];
    const { id } = await enqueue(1);
    const { json } = await acquire();
    await settle([{ ...of(json.tasks[0]), verdict: "fatal", error }]);
    expect((await queue.get(id))?.lastError).toBe("ValueError: no\n  at somewhere");
    for (const [verdict, outcome, state] of cases) {
      const { id } = await enqueue(1);
      const { json } = await acquire();
      const [task] = json.tasks;
      expect(task.id, JSON.stringify(verdict)).toBe(id);
      const settled = await settle([{ ...of(task), ...verdict }]);
      expect(settled.json.outcomes, JSON.stringify(verdict)).toEqual([outcome]);
      expect(await queue.get(id), JSON.stringify(verdict)).toMatchObject(state);
    }
    await end();
  });

  test("the last attempt that fails makes a dead letter", async () => {
    const { queue, worker, enqueue, end } = await setup();
    const { acquire, settle } = worker();
    const { id } = await enqueue(1, { maxRetries: 1, backoff: { kind: "fixed", baseMs: 1, jitter: "none" } });
    for (const expected of ["retried", "dead"]) {
      const { json } = await acquire(1, { waitMs: 2_000 });
      const verdict = { ...of(json.tasks[0]), verdict: "fail", error: { name: "E", message: "m" } };
      expect((await settle([verdict])).json.outcomes).toEqual([expected]);
    }
    expect(await queue.get(id)).toMatchObject({
      state: "dead",
      deadReason: "retries_exhausted",
      attempts: 2,
    });
    await end();
  });

  test("settle takes the next tasks in the same call", async () => {
    const { queue, worker, end } = await setup();
    const { acquire, settle } = worker();
    await queue.enqueueMany(Array.from({ length: 10 }, (_, n) => ({ type: "t", payload: n })));
    const first = await acquire(4);
    expect(first.json.tasks).toHaveLength(4);
    const verdicts = first.json.tasks.map((task: { id: string; token: string }) => ({
      ...of(task),
      verdict: "complete",
    }));
    const second = await settle(verdicts, { acquire: { want: 6 } });
    expect(second.json.outcomes).toEqual(["acked", "acked", "acked", "acked"]);
    expect(second.json.tasks).toHaveLength(6);
    await end();
  });

  test("a repeated request gets the same answer, and an older one is refused", async () => {
    const { enqueue, worker, end } = await setup();
    const { acquire, settle, again, ask, workerId } = worker();
    await enqueue(1);
    await enqueue(2);
    const first = await acquire(1);
    const repeat = await again("acquire", { want: 1 });
    expect(repeat.json.tasks.map(of)).toEqual(
      first.json.tasks.map((task: never) => ({ ...of(task), token: expect.any(String) })),
    );
    const verdict = { ...of(first.json.tasks[0]), verdict: "complete" };
    // A repeated acquire returns a token too, and it settles the task like the first one.
    const settled = await settle([{ ...verdict, token: repeat.json.tasks[0].token }]);
    expect(settled.json.outcomes).toEqual(["acked"]);
    expect((await again("settle", { verdicts: [verdict] })).json.outcomes).toEqual(["acked"]);
    const old = await ask("acquire", { workerId, requestId: 1, want: 1 });
    expect(old).toMatchObject({ status: 409, json: { code: "conflict" } });
    await end();
  });

  test("a verdict under a lost lease is stale and changes nothing", async () => {
    const { enqueue, worker, queue, end } = await setup();
    const { acquire, settle } = worker();
    const { id } = await enqueue(1);
    const { json } = await acquire();
    await settle([{ ...of(json.tasks[0]), verdict: "release" }]);
    const stale = await settle([{ ...of(json.tasks[0]), verdict: "complete" }]);
    expect(stale.json.outcomes).toEqual(["stale"]);
    expect(await queue.get(id)).toMatchObject({ state: "pending" });
    await end();
  });
});

describe("the long poll", () => {
  test("gets a task within moments of its enqueue", async () => {
    const { enqueue, worker, end } = await setup();
    const { acquire } = worker();
    const poll = acquire(1, { waitMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { id } = await enqueue(1);
    const enqueuedAt = performance.now();
    const { json } = await poll;
    expect(json.tasks.map((task: { id: string }) => task.id)).toEqual([id]);
    // A poll would take up to a second, so the task was pushed to the waiting request.
    expect(performance.now() - enqueuedAt).toBeLessThan(500);
    await end();
  });

  test("is answered without tasks when its time is over, and leaves no parked request", async () => {
    const { enqueue, worker, queue, end } = await setup();
    const { acquire } = worker();
    const { json } = await acquire(1, { waitMs: 200 });
    expect(json.tasks).toEqual([]);
    const { id } = await enqueue(1);
    expect((await queue.get(id))?.state).toBe("pending");
    await end();
  });

  test("hands back a task that is granted after the client has gone", async () => {
    const { enqueue, name, queue, end } = await setup();
    const gone = new AbortController();
    const body = { workerId: "gone", requestId: 1, want: 1, waitMs: 20_000 };
    const poll = post(base, name, "acquire", body, { signal: gone.signal }).catch(() => "gone");
    await new Promise((resolve) => setTimeout(resolve, 200));
    gone.abort();
    expect(await poll).toBe("gone");
    const { id } = await enqueue(1);
    await until("the task is handed back", async () => (await queue.get(id))?.state === "pending");
    expect(await queue.get(id)).toMatchObject({ attempts: 0, crashes: 0 });
    await end();
  });

  test("takes tasks from all partitions", async () => {
    const { queue, worker, end } = await setup(3);
    const { acquire, settle } = worker();
    await queue.enqueueMany(Array.from({ length: 30 }, (_, n) => ({ type: "t", payload: n })));
    const seen = new Set<number>();
    while (seen.size < 30) {
      const { json } = await acquire(7, { waitMs: 5_000 });
      expect(json.tasks.length).toBeLessThanOrEqual(7);
      for (const task of json.tasks) seen.add(task.payload);
      const verdicts = json.tasks.map((task: never) => ({ ...of(task), verdict: "complete" }));
      const settled = await settle(verdicts);
      expect(settled.json.outcomes.every((outcome: string) => outcome === "acked")).toBe(true);
    }
    const poll = acquire(1, { waitMs: 10_000 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { id } = await queue.enqueue("t", "late");
    expect((await poll).json.tasks[0]).toMatchObject({ id, payload: "late" });
    await end();
  });
});
