import { once } from "node:events";
import { startRedisServer, until } from "@holdfast/testing";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { Holdfast, Janitor, Observer, Queue, type QueueOptions, Schedules, Worker } from "../../src/index.ts";
import { afterwards } from "../support/library.ts";
import { gate, type System, setupSystem } from "./harness.ts";

/**
 * Starts a system with its own Redis. Returns the system, and a function that reads the names of the Redis
 * connections.
 */
async function alone(...args: string[]): Promise<{ system: System; names: () => Promise<string[]> }> {
  const server = await startRedisServer(args);
  afterwards(() => server.stop());
  const system = await setupSystem(server.url);
  const names = async () => {
    const clients = (await system.redis.call("CLIENT", "LIST")) as string;
    return [...clients.matchAll(/ name=(\S*) /g)].map(([, name]) => name as string).sort();
  };
  return { system, names };
}

test("the workers of a process share three connections, which end when the last worker stops", async () => {
  const { system, names } = await alone();
  const before = await names();
  const workers = await Promise.all(
    Array.from({ length: 10 }, () => system.started("work", { t: () => "done" })),
  );
  const shared = [...before, "holdfast", "holdfast-heartbeat", "holdfast-wake"].sort();
  expect(await names()).toEqual(shared);

  const queue = system.queue();
  for (const { worker } of workers.slice(1)) await worker.stop();
  await queue.enqueue("t", 1);
  await until("the worker that is left runs the task", () => workers[0]?.settled.length === 1);
  expect(await names()).toEqual(shared);
  await workers[0]?.worker.stop();
  await until("all connections have ended", async () => (await names()).length === before.length);
});

test("a worker that is stopped at once does not disturb the calls and messages of the others", async () => {
  const system = await setupSystem();
  const queue = system.queue();
  const end = gate();
  let begun = false;
  const busy = await system.started("work", {
    t: () => {
      begun = true;
      return end.opened;
    },
  });
  await queue.enqueue("t", 1);
  await until("the task runs", () => begun);
  const other = await system.started("work", { t: () => "done" });
  await busy.worker.stop({ graceMs: 0 });
  end.open();
  await until("the other worker runs the task", () => other.settled.length === 1);
  // A message on the channel has to wake the worker, because it polls only every 10 s.
  await queue.enqueue("t", 2);
  await until("the worker is woken", () => other.settled.length === 2, 8_000);
  expect(other.errors).toEqual([]);
  expect(busy.errors).toEqual([]);
});

test("queues that wait for results by events share one subscribed connection, which stays open when one queue ends", async () => {
  const { system, names } = await alone();
  const { prefix, url: redis } = system;
  const before = await names();
  await system.observer.configure("work", { maxEvents: 1_000 });
  const queues = Array.from({ length: 20 }, () => new Queue("work", { redis, prefix }));
  const ids = await Promise.all(queues.map(async (queue, n) => (await queue.enqueue("t", n)).id));
  const results = queues.map((queue, n) => queue.result(ids[n] as string, { waitMs: 20_000 }));
  results[0]?.catch(() => {});
  const listening = [...before, "holdfast", "holdfast-wake"].sort();
  await until("the queues listen", async () => (await names()).join() === listening.join());
  await queues[0]?.close();
  await system.started("work", { t: ({ payload }) => payload });
  expect((await Promise.all(results.slice(1))).map((task) => task?.resultText)).toEqual(
    ids.slice(1).map((_, n) => String(n + 1)),
  );
  for (const queue of queues) await queue.close();
});

test("500 queues and 50 workers with the same redis, however it is written, share three connections", async () => {
  const { system, names } = await alone();
  const { prefix } = system;
  const port = Number(new URL(system.url).port);
  const instance = new Redis({ port, host: "127.0.0.1", lazyConnect: true });
  const forms = [system.url, new URL(`${system.url}/0`), { port, host: "127.0.0.1" }, { port }, instance];
  const redisOf = (n: number) => forms[n % forms.length] as string;
  const before = await names();

  const queues = Array.from({ length: 500 }, (_, n) => new Queue(`q${n}`, { redis: redisOf(n), prefix }));
  const receipts = await Promise.all(queues.map((queue, n) => queue.enqueue("t", n)));
  const ofQueues = [...before, "holdfast"].sort();
  expect(await names()).toEqual(ofQueues);

  const others = [
    new Observer({ redis: redisOf(1), prefix }),
    new Schedules({ redis: redisOf(2), prefix }),
  ] as const;
  const janitor = new Janitor({ redis: redisOf(3), prefix });
  await Promise.all([others[0].queues(), others[1].list(), janitor.start()]);
  const workers = Array.from({ length: 50 }, (_, n) => {
    const some = queues.slice(n * 10, n * 10 + 10).map(({ name }) => name);
    return new Worker(some, { t: (task) => task.payload }, { redis: redisOf(n), prefix });
  });
  await Promise.all(workers.map((worker) => worker.start()));
  const results = await Promise.all(queues.map((queue, n) => queue.result(receipts[n]?.id ?? "")));
  expect(results.map((task) => task?.resultText)).toEqual(queues.map((_, n) => String(n)));
  const shared = [...ofQueues, "holdfast-heartbeat", "holdfast-wake"].sort();
  expect(await names()).toEqual(shared);
  expect(instance.status).toBe("wait");

  // If a worker or queue ends, its connections stay open for the others. The last one closes them.
  await Promise.all(workers.map((worker) => worker.stop()));
  await Promise.all(queues.slice(1).map((queue) => queue.close()));
  await Promise.all([janitor.stop(), ...others.map((other) => other.close())]);
  expect(await queues[0]?.get(receipts[0]?.id ?? "")).toMatchObject({ state: "completed" });
  await queues[0]?.close();
  await until("all connections have ended", async () => (await names()).length === before.length);
}, 60_000);

test("a client of your own has a connection of its own, and so has another database, user or time-out", async () => {
  const { system, names } = await alone();
  const { url, prefix } = system;
  const before = (await names()).filter((name) => name === "holdfast").length;
  const client = new Holdfast({ redis: url, prefix });
  afterwards(() => client.close());
  const port = Number(new URL(url).port);
  const options: QueueOptions[] = [
    { redis: url, prefix },
    { redis: url, prefix: "other" },
    { client },
    { redis: `${url}/1`, prefix },
    { redis: { port, family: 4, commandTimeoutMs: 4_000 }, prefix },
    { redis: { commandTimeoutMs: 4_000, family: 4, port }, prefix },
  ];
  const queues = options.map((one) => new Queue("q", one));
  afterwards(() => Promise.all(queues.map((queue) => queue.close())));
  for (const queue of queues) await queue.enqueue("t", 1);
  expect((await names()).filter((name) => name === "holdfast").length - before).toBe(4);
  await queues[2]?.close();
  expect(await client.ping()).toBeGreaterThan(0);
});

test("a client of ioredis that was closed, or that is subscribed, still says where Redis is, and stays as it is", async () => {
  const { system } = await alone();
  const closed = new Redis(system.url, { lazyConnect: true });
  await closed.connect();
  await closed.quit();
  await until("the client of ioredis is closed", () => closed.status === "end");
  const subscribed = new Redis(system.url);
  await subscribed.subscribe("news");
  const inTransaction = new Redis(system.url);
  await inTransaction.multi({ pipeline: false });
  afterwards(async () => {
    subscribed.disconnect();
    inTransaction.disconnect();
  });
  for (const redis of [closed, subscribed, inTransaction]) {
    const queue = new Queue("work", { redis, prefix: system.prefix });
    const { worker, settled } = await system.started("work", { t: () => "done" }, { redis });
    await queue.enqueue("t", 1);
    await until("the task ran", () => settled.length === 1);
    await queue.close();
    await worker.stop();
  }
  expect([closed.status, subscribed.status, inTransaction.status]).toEqual(["end", "ready", "ready"]);
  const message = once(subscribed, "message");
  await system.redis.publish("news", "hello");
  expect(await message).toEqual(["news", "hello"]);
});
