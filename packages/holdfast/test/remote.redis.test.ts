import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Holdfast, Observer, Queue } from "../src/index.ts";
import {
  type RemoteAcquire,
  type RemoteSettle,
  type RemoteTask,
  RemoteWorkers,
} from "../src/remote/index.ts";

// The tests of services/worker-api show the same and more, over HTTP.
let redis: RedisServer;
let client: Holdfast;
let workers: RemoteWorkers;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  workers = new RemoteWorkers({ client });
});

afterAll(async () => {
  await workers?.close();
  await client?.close();
  await redis?.stop();
});

function setup() {
  const name = `remote-${++queues}`;
  const queue = new Queue(name, { client });
  let requestId = 0;
  const ask = (more: Partial<RemoteAcquire> = {}): RemoteAcquire => ({
    ...{ lane: 0, requestId: ++requestId, want: 1, waitMs: 0, types: ["*"], held: 0 },
    ...{ leaseMs: 30_000, maxRetries: 3, ...more },
  });
  return { name, queue, ask, worker: { id: `w-${queues}`, owner: "" } };
}

test("a task that is granted to a client that has gone is handed back without an attempt", async () => {
  const { name, queue, ask, worker } = setup();
  const { id } = await queue.enqueue("t", 1);
  expect((await workers.acquire(name, worker, ask(), AbortSignal.abort())).tasks).toEqual([]);
  expect(await queue.get(id)).toMatchObject({ state: "pending", attempts: 0, releases: 0 });
});

test("a poll that gets tasks from several partitions at once gives no more than it was asked for", async () => {
  const { name, ask, worker } = setup();
  const queue = new Queue(name, { client, partitions: 8 });
  const observer = new Observer({ client });
  await queue.ready();
  const poll = workers.acquire(name, worker, ask({ want: 2, waitMs: 10_000 }));
  await until("the request is parked in each partition", async () => {
    const parked = await Promise.all(
      Array.from({ length: 8 }, (_, part) =>
        client.connection.command("HEXISTS", client.engine(`${name}/${part}`).keys.state, "#parked"),
      ),
    );
    return parked.every((one) => one === 1);
  });
  // Each id contains the number of a partition, so that each partition gets one task.
  const ids = Array.from({ length: 8 }, (_, part) => `p:${part}:${"x".repeat(16)}`);
  await queue.enqueueMany(ids.map((id) => ({ type: "t", payload: 1, id })));
  const { tasks } = await poll;
  expect(tasks.length).toBeGreaterThan(0);
  expect(tasks.length).toBeLessThanOrEqual(2);
  await until("the surplus is handed back", async () => {
    const { pending, processing } = await observer.stats(name);
    return processing === tasks.length && pending === 8 - tasks.length;
  });
});

test("a repeated acquire gets the same task, and a repeated settle the same outcome", async () => {
  const { name, queue, ask, worker } = setup();
  await queue.enqueueMany([
    { type: "t", payload: 1 },
    { type: "t", payload: 2 },
  ]);
  const request = ask();
  const [first, repeat] = [
    await workers.acquire(name, worker, request),
    await workers.acquire(name, worker, request),
  ];
  const [task] = first.tasks as [RemoteTask];
  expect(repeat.tasks.map(({ id }) => id)).toEqual([task.id]);
  const settle = {
    ...ask(),
    verdicts: [{ id: task.id, token: task.token, verdict: "complete" }],
  } as RemoteSettle;
  expect((await workers.settle(name, worker, settle)).outcomes).toEqual(["acked"]);
  expect((await workers.settle(name, worker, settle)).outcomes).toEqual(["acked"]);
  await expect(workers.acquire(name, worker, request)).rejects.toMatchObject({
    code: "conflict",
    field: "requestId",
  });
});

test("a poll whose time is over leaves no request in Redis", async () => {
  const { name, queue, ask, worker } = setup();
  expect((await workers.acquire(name, worker, ask({ waitMs: 50 }))).tasks).toEqual([]);
  const { id } = await queue.enqueue("t", 1);
  expect(await queue.get(id)).toMatchObject({ state: "pending" });
});

test("a task of a type that the worker does not run is put aside for another worker", async () => {
  const { name, queue, ask, worker } = setup();
  await queue.enqueue("other", 1);
  await queue.enqueue("mine", 2);
  const got: string[] = [];
  for (let polls = 0; polls < 5 && got.length === 0; polls++)
    for (const { type } of (await workers.acquire(name, worker, ask({ types: ["mine"], want: 5 }))).tasks)
      got.push(type);
  expect(got).toEqual(["mine"]);
  const { tasks } = await workers.acquire(name, { ...worker, id: "other" }, ask({ types: ["other"] }));
  expect(tasks.map(({ type }) => type)).toEqual(["other"]);
});

test("a worker that drains gets no task until it may go on", async () => {
  const { name, queue, ask, worker } = setup();
  const observer = new Observer({ client });
  const info = { slots: 1 };
  await workers.heartbeat(name, { ...worker, info }, { leases: [], leaseMs: 30_000 });
  await observer.drainWorker(worker.id);
  expect((await workers.heartbeat(name, { ...worker, info }, { leases: [], leaseMs: 30_000 })).draining).toBe(
    true,
  );
  await queue.enqueue("t", 1);
  expect(await workers.acquire(name, worker, ask({ waitMs: 50 }))).toMatchObject({
    tasks: [],
    draining: true,
  });
  await observer.resumeWorker(worker.id);
  await workers.heartbeat(name, { ...worker, info }, { leases: [], leaseMs: 30_000 });
  expect((await workers.acquire(name, worker, ask())).tasks).toHaveLength(1);
});

test("no task is granted to the open poll of a worker that was told to drain", async () => {
  const { name, queue, ask, worker } = setup();
  const observer = new Observer({ client });
  const poll = workers.acquire(name, worker, ask({ waitMs: 20_000 }));
  const state = async () => (await observer.workers()).find(({ id }) => id === worker.id)?.state;
  await until("the worker is known", async () => (await state()) === "running");
  await observer.drainWorker(worker.id);
  await until("the worker has drained", async () => (await state()) === "drained");
  const { id } = await queue.enqueue("t", 1);
  expect((await queue.get(id))?.state).toBe("pending");
  await observer.resumeWorker(worker.id);
  expect((await poll).tasks).toMatchObject([{ id }]);
});

test("a token that names a caller which the task does not have cannot end the wait of that caller", async () => {
  const { name, queue, ask, worker } = setup();
  const waiting = await queue.enqueue("t", 1);
  const [held] = (await workers.acquire(name, worker, ask())).tasks as [RemoteTask];
  const attempt = await workers.attempt(name, worker.owner, held);
  const steps = await attempt.steps();
  await steps.wait({ place: 1, kind: "w", name: "w", timeoutMs: 60_000, events: ["other"] });
  await queue.enqueue("t", 2);
  const [task] = (await workers.acquire(name, worker, ask())).tasks as [RemoteTask];
  const token = `${task.token}~~~~${waiting.id}`;
  const verdicts = [{ id: task.id, token, verdict: "complete", resultText: '"forged"' }];
  await workers.settle(name, worker, { ...ask(), verdicts } as RemoteSettle);
  expect((await steps.read()).signals).toEqual([]);
});

test("steps, checkpoint and children can be read only under the lease", async () => {
  const { name, queue, ask, worker } = setup();
  await queue.enqueue("t", 1);
  const [{ id, token }] = (await workers.acquire(name, worker, ask())).tasks as [RemoteTask];
  const attempt = await workers.attempt(name, worker.owner, { id, token });
  await attempt.report({ checkpoint: 7 });
  expect(await attempt.checkpoint()).toBe(7);
  await workers.settle(name, worker, {
    ...ask(),
    verdicts: [{ id, token, verdict: "release" }],
  } as RemoteSettle);
  await workers.acquire(name, worker, ask());
  for (const read of [() => attempt.steps(), () => attempt.checkpoint(), () => attempt.children(0, 1)])
    await expect(read()).rejects.toMatchObject({ code: "conflict", taskId: id });
});

test("the nodes behind a node that a remote worker settled are enqueued", async () => {
  const { name, queue, ask, worker } = setup();
  await queue.flow({
    nodes: [
      { name: "a", type: "t", payload: 1 },
      { name: "b", type: "t", payload: 2, after: ["a"] },
    ],
  });
  const [a] = (await workers.acquire(name, worker, ask())).tasks as [RemoteTask];
  await workers.settle(name, worker, {
    ...ask(),
    verdicts: [{ id: a.id, token: a.token, verdict: "complete" }],
  } as RemoteSettle);
  const { tasks } = await workers.acquire(name, worker, ask({ waitMs: 2_000 }));
  expect(tasks.map(({ flow }) => flow?.name)).toEqual(["b"]);
});
