import { type RedisServer, startFakeRedis, startRedisServer, until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Holdfast, Queue } from "../../src/index.ts";
import { afterwards, library } from "../support/library.ts";
import { startLossyProxy } from "../support/lossy-proxy.ts";

async function ownServer(...args: string[]): Promise<RedisServer> {
  const server = await startRedisServer(["--appendonly", "no", ...args]);
  afterwards(() => server.stop());
  return server;
}

test("a Redis that is down at the start is reported with the remedy, and the same queue works once Redis is up", async () => {
  const server = await ownServer();
  await server.kill();
  const queue = new Queue("q", { redis: { host: "127.0.0.1", port: server.port, commandTimeoutMs: 300 } });
  afterwards(() => queue.close());
  const unavailable = {
    code: "redis_unavailable",
    retryAfterMs: 1_000,
    message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${server.port}.*Start it, or set REDIS_URL`)),
  };
  await expect(queue.enqueue("t", 1)).rejects.toMatchObject(unavailable);
  await expect(queue.get("x")).rejects.toMatchObject(unavailable);
  await server.start();
  let id = "";
  await until("the same queue takes a task", async () => {
    id = (await queue.enqueue("t", 2).catch(() => ({ id: "" }))).id;
    return id !== "";
  });
  expect(await queue.get(id)).toMatchObject({ state: "pending", payloadText: "2" });
});

test("an enqueue during an outage fails as unknown or not accepted, and is never lost silently", async () => {
  const server = await ownServer();
  const client = new Holdfast({ redis: { port: server.port, commandTimeoutMs: 300 } });
  afterwards(() => client.close());
  const queue = new Queue("q", { client });
  await queue.enqueue("t", 1);
  await server.kill();
  const error = await queue.enqueue("t", 2).catch((e: unknown) => e);
  expect(error).toMatchObject({
    code: expect.stringMatching(/^(redis_unavailable|outcome_unknown)$/),
    // The error names the id, with which the caller can repeat the enqueue.
    taskId: expect.stringMatching(/^.{14}$/),
    message: expect.not.stringContaining("payload"),
  });
});

test("a task whose reply is lost is stored once, and the caller gets its receipt", async () => {
  const server = await ownServer();
  const probe = library({ redis: server.url });
  const proxy = await startLossyProxy(server.port);
  const client = new Holdfast({ redis: { port: proxy.port } });
  afterwards(async () => {
    await client.close();
    await proxy.stop();
  });
  const queue = new Queue(probe.name, { client });
  await queue.enqueue("t", "first");
  for (let round = 1; round <= 5; round++) {
    // Neither task may be stored twice or be reported as a duplicate: not the one with a generated id, and not the
    // one with a given id.
    proxy.loseReplyTo(`"minted-${round}"`);
    expect(await queue.enqueue("t", `minted-${round}`)).toMatchObject({ duplicate: false, state: "pending" });
    proxy.loseReplyTo(`"given-${round}"`);
    const id = `given-${round}`;
    expect(await queue.enqueue("t", id, { id })).toMatchObject({ id, duplicate: false, state: "pending" });
  }
  expect(proxy.lost).toBe(10);
  expect(await probe.observer.stats(probe.name)).toMatchObject({
    pending: 11,
    totals: { enqueued: 11, deduplicated: 0 },
  });
});

test("a server that is too old is refused before anything is written", async () => {
  const fake = await startFakeRedis({ redis_version: "6.2.14", maxmemory_policy: "noeviction" });
  const queue = new Queue("q", { redis: { port: fake.port } });
  afterwards(async () => {
    await queue.close();
    await fake.stop();
  });
  await expect(queue.enqueue("t", 1)).rejects.toMatchObject({
    code: "redis_unsupported",
    message: expect.stringMatching(/6\.2\.14 is too old/),
  });
});

test("a server that evicts keys is refused with the command that corrects it, and accepted after that command", async () => {
  const server = await ownServer("--maxmemory-policy", "allkeys-lru");
  const client = new Holdfast({ redis: server.url });
  afterwards(() => client.close());
  const queue = new Queue("q", { client });
  await expect(queue.enqueue("t", 1)).rejects.toMatchObject({
    code: "redis_unsupported",
    message: expect.stringContaining("redis-cli config set maxmemory-policy noeviction"),
  });
  await client.connection.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
  expect(await queue.enqueue("t", 1)).toMatchObject({ duplicate: false });
});

test("at maxmemory the error of an enqueue names the cause, waiting tasks still run, and then there is room", async () => {
  const server = await ownServer();
  const { name, client, queue, engine, observer } = library({ redis: server.url });
  const tasks = Array.from({ length: 300 }, (_, i) => ({
    type: "t",
    payload: { i, fill: "x".repeat(10_000) },
  }));
  await queue.enqueueMany(tasks);
  const used = /used_memory:(\d+)/.exec(await client.connection.command<string>("INFO", "memory"))?.[1];
  // With this limit, Redis has memory for a script to run, but not for another task.
  await client.connection.command("CONFIG", "SET", "maxmemory", String(Number(used) - 1_000_000));

  await expect(queue.enqueue("t", "no room", { id: "refused" })).rejects.toMatchObject({
    code: "redis_out_of_memory",
    taskId: "refused",
    message: expect.stringContaining("raise maxmemory"),
  });
  expect(await queue.get("refused")).toBeNull();

  const base = {
    ...{ want: 100, held: 0, leaseMs: 30_000, maxRetries: 3, workerId: "w" },
    ...{ park: false, noHandlerAfterMs: 86_400_000 },
  };
  let acked = 0;
  for (let call = 0; call < 3; call++) {
    const { grants } = await engine.acquire({ ...base, nonce: `n${call}` });
    const verdicts = grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence }));
    const { outcomes } = await engine.settle(verdicts, { ...base, want: 0, nonce: `s${call}` });
    acked += outcomes.filter((outcome) => outcome === "acked").length;
  }
  expect(acked).toBe(300);
  expect(await observer.stats(name)).toMatchObject({ pending: 0, processing: 0, completed: 300 });

  // Retention keeps completed tasks, so an operator has to make room.
  await observer.empty(name, ["completed"]);
  expect(await queue.enqueue("t", "room again")).toMatchObject({ duplicate: false });
});
