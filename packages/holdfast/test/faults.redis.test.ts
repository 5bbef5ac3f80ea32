import { inspect } from "node:util";
import { freePort, type RedisServer, startFakeRedis, startRedisServer, until } from "@holdfast/testing";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Holdfast, Janitor, Queue, Worker } from "../src/index.ts";
import { afterwards, library, started } from "./support/library.ts";

// This file has its own server, because it breaks connections and restarts Redis, which would disturb other tests.
let server: RedisServer;
beforeAll(async () => {
  server = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
});
afterAll(() => server?.stop());

/** Starts a worker that counts how often each task runs. */
async function countingWorker(name: string, concurrency = 20) {
  const runs = new Map<number, number>();
  const count = async (task: { payload: number }) => {
    runs.set(task.payload, (runs.get(task.payload) ?? 0) + 1);
    await new Promise((resolve) => setTimeout(resolve, 2));
  };
  const options = { redis: server.url, concurrency, pollMs: 100 };
  const worker = await started(new Worker(name, { count }, options));
  return { runs, worker };
}

/** Enqueues tasks in waves. After each wave, calls a function that disturbs Redis. */
async function produce(
  queue: Queue,
  waves: number,
  perWave: number,
  between: (wave: number) => Promise<unknown>,
) {
  const sent: Promise<unknown>[] = [];
  for (let wave = 0; wave < waves; wave++) {
    for (let i = 0; i < perWave; i++) sent.push(queue.enqueue("count", wave * perWave + i));
    await between(wave);
  }
  await Promise.all(sent);
}

const onceEach = (count: number) => new Map(Array.from({ length: count }, (_, i) => [i, 1]));
const sorted = (runs: Map<number, number>) => new Map([...runs].sort(([a], [b]) => a - b));

async function completed(probe: ReturnType<typeof library>, count: number) {
  await until(
    `${count} tasks are completed`,
    async () => (await probe.observer.stats(probe.name)).completed === count,
  );
}

test("after a SCRIPT FLUSH no caller gets an error, and each task runs once", async () => {
  const probe = library({ redis: server.url });
  const { runs } = await countingWorker(probe.name);
  const admin = new Redis(server.url);
  await produce(probe.queue, 10, 40, () => admin.script("FLUSH"));
  await completed(probe, 400);
  expect(sorted(runs)).toEqual(onceEach(400));
  admin.disconnect();
});

test("after repeated CLIENT KILL of every connection no task is lost or runs twice", async () => {
  const probe = library({ redis: server.url });
  const { runs } = await countingWorker(probe.name);
  const admin = new Redis(server.url);
  let killed = 0;
  await produce(probe.queue, 10, 40, async () => {
    killed += Number(await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"));
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    // The next wave begins when the clients are connected again, so that each wave is interrupted.
    await until("the producer is back", async () => probe.client.connection.isReady);
  });
  await completed(probe, 400);
  expect(killed).toBeGreaterThanOrEqual(10);
  expect(sorted(runs)).toEqual(onceEach(400));
  const { totals } = await probe.observer.stats(probe.name);
  expect(totals).toMatchObject({ enqueued: 400, acked: 400, attempts: 400, stale: 0 });
  admin.disconnect();
});

test("a worker whose subscription is cut subscribes again, and need not wait for its next poll", async () => {
  const probe = library({ redis: server.url });
  await started(new Worker(probe.name, { t: () => 1 }, { redis: server.url, pollMs: 60_000 }));
  const admin = new Redis(server.url);
  const subscribed = async () => (await admin.pubsub("SHARDNUMSUB", probe.engine.keys.wake)).at(1) === 1;
  await until("the worker is subscribed", subscribed);
  await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until("the worker is subscribed again", subscribed);
  const { id } = await probe.queue.enqueue("t", 0);
  expect(await probe.queue.result(id, { waitMs: 10_000 })).toMatchObject({ state: "completed" });
  admin.disconnect();
});

test("a call whose connection is cut is sent again at once, not after the command time-out", async () => {
  const probe = library({ redis: { url: server.url, commandTimeoutMs: 60_000 } });
  await probe.queue.enqueue("t", 0);
  const admin = new Redis(server.url);
  await admin.call("CLIENT", "PAUSE", "200", "WRITE");
  const cut = probe.queue.enqueue("t", 1);
  await until("the call waits in Redis", async () =>
    String(await admin.call("CLIENT", "LIST")).includes("cmd=evalsha"),
  );
  const startedMs = performance.now();
  await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await cut;
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect((await probe.observer.stats(probe.name)).totals.enqueued).toBe(2);
  admin.disconnect();
});

test("an error from Redis contains no payload, because errors get into logs", async () => {
  const probe = library({ redis: server.url });
  await probe.queue.enqueue("t", 0);
  await probe.client.connection.command("HSET", probe.engine.keys.state, "#settings", "5 0 0 1 1 1 ");
  const error: unknown = await probe.queue.enqueue("t", "canary-7531").catch((caught: unknown) => caught);
  await probe.client.connection.command("HDEL", probe.engine.keys.state, "#settings");
  expect(error).toMatchObject({ code: "layout_too_new" });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("canary");
});

test("after kill -9 and restart of a Redis that keeps its writes all processes continue by themselves, and nothing is lost", async () => {
  const probe = library({ redis: server.url });
  const { runs, worker } = await countingWorker(probe.name);
  const errors: string[] = [];
  worker.on("error", (error) => errors.push(error.code));
  await produce(probe.queue, 6, 40, async (wave) => {
    if (wave !== 2) return;
    await server.kill();
    await server.start();
  });
  await completed(probe, 240);
  expect([...runs.keys()].sort((a, b) => a - b)).toEqual([...onceEach(240).keys()]);
  expect((await probe.observer.stats(probe.name)).totals.enqueued).toBe(240);
  for (const code of errors) expect(["redis_unavailable", "outcome_unknown"]).toContain(code);
});

test("without Redis at the start the error has its address and says what to do, and a later try works", async () => {
  const port = await freePort();
  const redis = { port, commandTimeoutMs: 200 };
  const queue = new Queue("q", { redis });
  const worker = new Worker("q", {}, { redis });
  const janitor = new Janitor({ redis });
  afterwards(async () => {
    await Promise.all([queue.close(), worker.stop(), janitor.stop()]);
  });
  for (const attempt of [() => queue.enqueue("t", 1), () => worker.start(), () => janitor.start()]) {
    await expect(attempt()).rejects.toMatchObject({
      code: "redis_unavailable",
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}.*ECONNREFUSED.*REDIS_URL`)),
    });
  }
  const results = await queue.enqueueMany([{ type: "t", payload: 1 }]).catch((error: unknown) => error);
  expect(results).toMatchObject({ code: "redis_unavailable" });
});

test.each([
  [{ redis_version: "6.2.14" }, /6\.2\.14 is too old.*7\.0/],
  [{ redis_version: "7.2.0", maxmemory_policy: "allkeys-lru" }, /allkeys-lru.*noeviction/],
])(
  "everything that starts refuses a Redis that says %j, and the error names the cause",
  async (info, message) => {
    const fake = await startFakeRedis(info as Record<string, string>);
    const redis = { port: fake.port, commandTimeoutMs: 2_000 };
    const client = new Holdfast({ redis });
    const queue = new Queue("q", { redis });
    const worker = new Worker("q", {}, { redis });
    const janitor = new Janitor({ redis });
    afterwards(async () => {
      await Promise.all([client.close(), queue.close(), worker.stop(), janitor.stop()]);
      await fake.stop();
    });
    const attempts = [client.check(), queue.enqueue("t", 1), worker.start(), janitor.start()];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({
        status: "rejected",
        reason: { code: "redis_unsupported", message: expect.stringMatching(message) },
      });
    }
  },
);

test("a real Redis is accepted, with a warning about the missing append-only file", async () => {
  const volatile = await startRedisServer();
  const client = new Holdfast({ redis: volatile.url });
  afterwards(async () => {
    await client.close();
    await volatile.stop();
  });
  const { redisVersion, warnings } = await client.check();
  expect(redisVersion).toMatch(/^[78]\./);
  expect(warnings).toEqual([expect.stringContaining("append-only")]);
});
