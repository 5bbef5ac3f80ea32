import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Holdfast, Observer, Queue } from "../src/index.ts";
import { type RemoteAcquire, RemoteWorkers } from "../src/remote/index.ts";

// worker-api has the other tests of RemoteWorkers, over HTTP.
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
  await queue.enqueueMany(Array.from({ length: 32 }, (_, n) => ({ type: "t", payload: n })));
  const { tasks } = await poll;
  expect(tasks.length).toBeGreaterThan(0);
  expect(tasks.length).toBeLessThanOrEqual(2);
  await until("the surplus is handed back", async () => {
    const { pending, processing } = await observer.stats(name);
    return processing === tasks.length && pending === 32 - tasks.length;
  });
});
