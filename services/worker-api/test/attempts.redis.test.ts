import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Janitor, Observer, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { App } from "../src/app.ts";
import { post, startWorkerApi } from "./support.ts";

let redis: RedisServer;
let apps: App[] = [];
let base: string;
let other: string;
let queue: Queue;
let observer: Observer;
let number = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  const one = await startWorkerApi(redis.url);
  const two = await startWorkerApi(redis.url);
  apps = [one.app, two.app];
  [base, other] = [one.base, two.base];
});

afterAll(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await redis?.stop();
});

/** Makes a new queue and a worker. The requests go to the two instances of the service in turn. */
function setup() {
  const name = `attempts-${++number}`;
  queue = new Queue(name, { redis: redis.url });
  observer = new Observer({ redis: redis.url });
  const workerId = `w-${number}`;
  let requestId = 0;
  let turn = 0;
  const ask = (path: string, body: object) => post(turn++ % 2 === 0 ? base : other, name, path, body);
  /**
   * Acquires one task. Polls again after an empty answer, because the granted task may have a type that the worker
   * does not run.
   */
  const acquire = async (more: object = {}) => {
    for (let polls = 0; polls < 5; polls++) {
      const body = { workerId, requestId: ++requestId, want: 1, waitMs: 5_000, ...more };
      const { json } = await ask("acquire", body);
      if (json.tasks.length > 0) return json.tasks[0];
    }
    throw new Error("no task came");
  };
  const settle = async (of: object, verdict: object) => {
    const { json } = await ask("settle", {
      workerId,
      requestId: ++requestId,
      verdicts: [{ ...of, ...verdict }],
    });
    return json.outcomes[0];
  };
  const end = () => Promise.all([queue.close(), observer.close()]);
  return { name, workerId, ask, acquire, settle, end };
}

const of = ({ id, token }: { id: string; token: string }) => ({ id, token });

describe("heartbeats", () => {
  test("renew a lease, pass on a cancel, and report a lost lease", async () => {
    const { workerId, ask, acquire, settle, end } = setup();
    const { id } = await queue.enqueue("t", 1);
    const task = await acquire();
    const beat = async () =>
      (await ask("heartbeat", { workerId, leases: [of(task)], leaseMs: 60_000 })).json.leases;
    expect(await beat()).toEqual(["renewed"]);
    await queue.cancel(id);
    expect(await beat()).toEqual(["cancelled"]);
    expect(await settle(of(task), { verdict: "cancel" })).toBe("cancelled");
    expect(await beat()).toEqual(["lost"]);
    await end();
  });

  test("show the worker and its tasks to operators, who can let it drain", async () => {
    const { name, workerId, ask, acquire, end } = setup();
    await queue.enqueue("t", 1);
    const info = { host: "h", pid: 7, version: "1.2", slots: 3, types: ["t"] };
    const task = await acquire({ info, types: ["t"] });
    await ask("heartbeat", { workerId, leases: [of(task)], info });
    const shown = async () => (await observer.workers({ tasks: true })).find(({ id }) => id === workerId);
    expect(await shown()).toMatchObject({
      ...{
        host: "h",
        pid: 7,
        version: "1.2",
        slots: 3,
        busy: 1,
        types: ["t"],
        queues: [name],
        state: "running",
      },
      tasks: [{ id: task.id, queue: name, type: "t" }],
    });
    await observer.drainWorker(workerId);
    // Each instance learns of the drain when it next writes the entry of the worker.
    for (const _instance of apps) {
      const beat = await ask("heartbeat", { workerId, leases: [of(task)], info });
      expect(beat.json.draining).toBe(true);
    }
    await queue.enqueue("t", 2);
    const poll = await ask("acquire", { workerId, requestId: 50, want: 1, waitMs: 300, info });
    expect(poll.json).toMatchObject({ tasks: [], draining: true });
    await ask("heartbeat", { workerId, leases: [], info, state: "stopped" });
    expect((await shown())?.state).toBe("stopped");
    await end();
  });

  test("end the wait of a poll for tasks when the worker drains, so that no task is granted to it", async () => {
    const { workerId, ask, end } = setup();
    const poll = ask("acquire", { workerId, requestId: 1, want: 1, waitMs: 20_000 });
    const state = async () => (await observer.workers()).find(({ id }) => id === workerId)?.state;
    await until("the worker is known", async () => (await state()) === "running");
    await observer.drainWorker(workerId);
    await until("the worker has drained", async () => (await state()) === "drained");
    const { id } = await queue.enqueue("t", 1);
    expect((await queue.get(id))?.state).toBe("pending");
    await observer.resumeWorker(workerId);
    expect((await poll).json.tasks).toMatchObject([{ id }]);
    await end();
  });
});

test("the repeat of a poll whose tasks were handed back is answered at once, so that the worker asks anew", async () => {
  const { workerId, ask, end } = setup();
  await queue.enqueue("t", 1);
  const poll = { workerId, requestId: 1, want: 1, waitMs: 20_000 };
  const [task] = (await ask("acquire", poll)).json.tasks;
  const verdicts = [{ ...of(task), verdict: "unstarted" }];
  expect((await ask("settle", { workerId, requestId: 1, lane: 1, verdicts })).json.outcomes).toEqual([
    "released",
  ]);
  const start = performance.now();
  expect((await ask("acquire", poll)).json.tasks).toEqual([]);
  expect(performance.now() - start).toBeLessThan(10_000);
  expect((await ask("acquire", { ...poll, requestId: 2 })).json.tasks).toMatchObject([{ id: task.id }]);
  await end();
});

describe("reports", () => {
  test("progress, log and checkpoint are stored under the lease", async () => {
    const { ask, acquire, settle, end } = setup();
    const { id } = await queue.enqueue("t", 1, { backoff: { kind: "fixed", baseMs: 1, jitter: "none" } });
    const task = await acquire();
    expect((await ask("checkpoint", of(task))).json).toEqual({ checkpoint: null });
    await ask("progress", { ...of(task), progress: { done: 3 }, checkpoint: { row: 17 } });
    await ask("log", { ...of(task), line: "two\nlines" });
    await ask("log", { ...of(task), line: "three", level: "error" });
    expect(await queue.get(id)).toMatchObject({ progress: '{"done":3}', log: ["two\nlines", "three"] });
    expect((await queue.get(id))?.logMarks.map(({ level }) => level)).toEqual(["info", "error"]);
    await settle(of(task), { verdict: "fail", error: { name: "E", message: "m" } });
    const again = await acquire();
    expect(again.attempt).toBe(2);
    expect((await ask("checkpoint", of(again))).json).toEqual({ checkpoint: { row: 17 } });
    for (const [path, body] of [
      ["progress", { progress: 1 }],
      ["log", { line: "x" }],
      ["checkpoint", {}],
      ["steps/read", {}],
      ["steps/write", { place: 1, name: "a", result: 1 }],
      ["children", {}],
    ] as const)
      expect([path, await ask(path, { ...of(task), ...body })]).toMatchObject([
        path,
        { status: 409, json: { code: "conflict", taskId: id } },
      ]);
    await end();
  });
});

describe("durable steps", () => {
  test("a step is read by a later attempt, a sleep ends the attempt, and a signal wakes the task", async () => {
    const { ask, acquire, settle, end } = setup();
    const { id } = await queue.enqueue("t", 1);
    let task = await acquire();
    await ask("steps/write", { ...of(task), place: 1, name: "charge", resultText: "12345678901234567890" });
    const { json: sleep } = await ask("steps/sleep", { ...of(task), place: 2, name: "sleep", ms: 50 });
    expect(await settle(of(task), { verdict: "suspend", until: sleep.until })).toBe("released");
    task = await acquire();
    expect(task.attempt).toBe(1);
    const read = await ask("steps/read", of(task));
    expect(read.json).toMatchObject({
      count: 2,
      steps: [
        { place: 1, kind: "step", name: "charge", outcome: "done" },
        { place: 2, kind: "sleep", name: "sleep" },
      ],
    });
    const waits = { ...of(task), place: 3, name: "approved", events: ["approved"], timeoutMs: 60_000 };
    const { json: open } = await ask("steps/wait", waits);
    expect(open).toMatchObject({ outcome: "open", events: ["approved"] });
    await settle(of(task), { verdict: "suspend", until: open.until, events: open.events });
    expect(await queue.signal(id, "approved", { by: "ann" })).toBe("delivered");
    task = await acquire();
    const { json: got } = await ask("steps/wait", { ...waits, ...of(task) });
    expect(got).toEqual({ outcome: "signal", event: "approved", data: { by: "ann" } });
    expect((await ask("steps/read", of(task))).json.steps[2]).toMatchObject({
      ...{ kind: "wait", outcome: "done", event: "approved", data: { by: "ann" } },
    });
    expect(await settle(of(task), { verdict: "complete", result: "ok" })).toBe("acked");
    await end();
  });

  test("a large result is left out and can be read by itself; one that is too large is refused with its name", async () => {
    const { ask, acquire, end } = setup();
    await queue.enqueue("t", 1);
    const task = await acquire();
    const large = "x".repeat(5_000);
    await ask("steps/write", { ...of(task), place: 1, name: "big", result: large });
    expect((await ask("steps/read", of(task))).json.steps).toMatchObject([{ name: "big", large: true }]);
    expect((await ask("steps/result", { ...of(task), place: 1 })).json).toEqual({ result: large });
    const huge = { ...of(task), place: 2, name: "huge", result: "x".repeat(262_145) };
    const refused = await ask("steps/write", huge);
    expect(refused).toMatchObject({ status: 413, json: { code: "payload_too_large" } });
    expect(refused.json.detail).toContain('"huge"');
    await end();
  });

  test("a call enqueues a task once, and returns its result", async () => {
    const { name, ask, acquire, settle, end } = setup();
    await queue.enqueue("parent", 1);
    let task = await acquire({ types: ["parent"] });
    const call = { place: 1, name: "child", type: "child", payload: { n: 2 } };
    const { json: first } = await ask("steps/call", { ...of(task), ...call });
    const { json: second } = await ask("steps/call", { ...of(task), ...call });
    expect(first).toMatchObject({ outcome: "open", events: second.events });
    await settle(of(task), { verdict: "suspend", until: first.until, events: first.events });
    const child = new Worker(name, { child: ({ payload }) => payload.n * 21 }, { redis: redis.url });
    await child.start();
    task = await acquire({ types: ["parent"] });
    expect(task.type).toBe("parent");
    expect((await ask("steps/call", { ...of(task), ...call })).json).toEqual({
      outcome: "completed",
      result: 42,
    });
    expect((await observer.stats(name)).completed).toBe(1);
    await child.stop();
    await end();
  });
});

describe("with the other features", () => {
  test("a task of a type that the worker does not run goes to another worker", async () => {
    const { name, acquire, settle, end } = setup();
    await queue.enqueue("other", 1);
    await queue.enqueue("mine", 2);
    const task = await acquire({ types: ["mine"] });
    expect(task.type).toBe("mine");
    await settle(of(task), { verdict: "complete" });
    const worker = new Worker(name, { other: () => "done" }, { redis: redis.url });
    await worker.start();
    await until("the other worker ran it", async () => (await observer.stats(name)).completed === 2);
    await worker.stop();
    await end();
  });

  test("the terms of a type hold for tasks that do not set them", async () => {
    const { acquire, settle, end } = setup();
    const { id } = await queue.enqueue("once", 1);
    const terms = { once: { maxRetries: 0, timeoutMs: 1_234 } };
    const task = await acquire({ types: ["once"], terms });
    expect(task).toMatchObject({ timeoutMs: 1_234, maxRetries: null, backoff: null });
    expect(await settle(of(task), { verdict: "fail", error: { name: "E", message: "m" } })).toBe("dead");
    expect(await queue.get(id)).toMatchObject({ state: "dead", attempts: 1 });
    await end();
  });

  test("a node of a flow reads the results of the nodes before it", async () => {
    const { ask, acquire, settle, end } = setup();
    await queue.flow({
      nodes: [
        { name: "a", type: "t", payload: 1 },
        { name: "b", type: "t", payload: 2, after: ["a"] },
      ],
    });
    const a = await acquire();
    expect(a.flow).toMatchObject({ name: "a" });
    await settle(of(a), { verdict: "complete", result: { rows: 3 } });
    const b = await acquire();
    expect(b.flow).toMatchObject({ name: "b", id: a.flow.id });
    expect((await ask("children", of(b))).json).toMatchObject({
      children: [{ name: "a", state: "completed", result: { rows: 3 } }],
      next: null,
    });
    expect(await settle(of(b), { verdict: "complete" })).toBe("acked");
    await end();
  });

  test("a task that crashed its workers twice runs alone", async () => {
    const { name, ask, workerId, end } = setup();
    const { id } = await queue.enqueue("t", 1);
    const janitor = new Janitor({ redis: redis.url, sweepIntervalMs: 50 });
    await janitor.start();
    for (let crash = 1; crash <= 2; crash++) {
      const taken = await post(base, name, "acquire", {
        ...{ workerId: `crash-${crash}-${name}`, requestId: 1, want: 1, waitMs: 10_000, leaseMs: 1_000 },
      });
      expect(taken.json.tasks[0].id).toBe(id);
    }
    await until("the second lease is lost", async () => (await queue.get(id))?.crashes === 2);
    const room = await ask("acquire", { workerId, requestId: 1, want: 5, held: 2 });
    expect(room.json).toMatchObject({ tasks: [], makeRoom: true });
    const alone = await ask("acquire", { workerId, requestId: 2, want: 5, held: 0 });
    expect(alone.json).toMatchObject({ alone: true, makeRoom: false });
    expect(alone.json.tasks).toHaveLength(1);
    await janitor.stop();
    await end();
  });
});

test("the events of attempts become metrics", async () => {
  const { name, acquire, settle, end } = setup();
  await queue.enqueue("t", 1);
  await settle(of(await acquire()), { verdict: "complete" });
  const texts = await Promise.all([base, other].map(async (url) => (await fetch(`${url}/metrics`)).text()));
  expect(texts.join("\n")).toContain(`task_attempts_total{queue="${name}",type="t",outcome="acked"} 1`);
  await end();
});
