import { once } from "node:events";
import { createServer } from "node:net";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Cluster, Redis } from "ioredis";
import { expect, test } from "vitest";
import { Holdfast, Janitor, Observer, Queue, Worker } from "../../src/index.ts";
import { Connection } from "../../src/redis/connection.ts";
import { afterwards, library, started } from "../support/library.ts";
import { redisUrl } from "../support/setup.ts";

async function ownServer(...args: string[]): Promise<RedisServer> {
  const server = await startRedisServer(["--appendonly", "no", ...args]);
  afterwards(() => server.stop());
  return server;
}

function adminOf(port: number, options: object = {}): Redis {
  const admin = new Redis({ port, ...options });
  admin.on("error", () => {});
  afterwards(async () => admin.disconnect());
  return admin;
}

/** This is far less than every time-out that would otherwise end the call. */
const AT_ONCE_MS = 2_500;

async function failureAtOnce(call: Promise<unknown>): Promise<Error & { code?: string }> {
  const startedAt = performance.now();
  const failure = await call.then(
    () => expect.unreachable("it was not refused"),
    (error) => error,
  );
  expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
  return failure;
}

test("a database that Redis does not have is an error at once, and nothing gets into another one", async () => {
  const server = await ownServer("--databases", "4");
  const admin = adminOf(server.port);
  const redis = `${server.url}/4`;
  const queue = new Queue("q", { redis });
  afterwards(() => queue.close());
  for (const call of [() => queue.enqueue("t", 1), () => queue.enqueueMany([{ type: "t", payload: 1 }])]) {
    expect(await failureAtOnce(call())).toMatchObject({
      code: "redis_refused",
      message: expect.stringContaining("database 4"),
    });
  }
  const worker = new Worker("q", { t: () => 1 }, { redis });
  afterwards(() => worker.stop({ graceMs: 0 }));
  expect(await failureAtOnce(worker.start())).toMatchObject({ code: "redis_refused" });
  expect(await admin.dbsize()).toBe(0);

  const inThree = new Queue("q", { redis: `${server.url}/3` });
  afterwards(() => inThree.close());
  await inThree.enqueue("t", 1);
  expect(await admin.dbsize()).toBe(0);
  await admin.select(3);
  expect(await admin.dbsize()).toBeGreaterThan(0);
});

test("a wrong password, a missing password and a missing right are reported at once, and not as an unavailable Redis", async () => {
  const server = await ownServer();
  const admin = adminOf(server.port);
  await admin.config("SET", "requirepass", "right");
  await admin.acl("SETUSER", "named", "on", ">pw", "~*", "&*", "+@all", "-client|setname");
  await admin.acl("SETUSER", "poor", "on", ">pw", "~*", "&*", "+@connection", "+info", "+time");
  const { port } = server;
  const host = "127.0.0.1";
  for (const [redis, word] of [
    [{ host, port }, "NOAUTH"],
    [{ host, port, password: "wrong" }, "WRONGPASS"],
    [{ host, port, username: "named", password: "pw" }, "NOPERM.*client"],
    [{ host, port, username: "poor", password: "pw" }, "NOPERM"],
  ] as const) {
    const refused = {
      code: "redis_refused",
      message: expect.stringMatching(new RegExp(`It answered: .*${word}`)),
    };
    const queue = new Queue("q", { redis });
    const worker = new Worker("q", { t: () => 1 }, { redis });
    const janitor = new Janitor({ redis });
    const observer = new Observer({ redis });
    afterwards(() =>
      Promise.all([queue.close(), observer.close(), janitor.stop(), worker.stop({ graceMs: 0 })]),
    );
    expect(await failureAtOnce(queue.enqueue("t", 1))).toMatchObject(refused);
    // The second call also fails at once, and does not wait until the client tries to connect again.
    expect(await failureAtOnce(queue.get("x"))).toMatchObject(refused);
    expect(await failureAtOnce(worker.start())).toMatchObject(refused);
    expect(await failureAtOnce(observer.queues())).toMatchObject(refused);
    if (word !== "NOPERM") expect(await failureAtOnce(janitor.start())).toMatchObject(refused);
  }
});

test("the same client works once Redis accepts it, even after a wrong database", async () => {
  const server = await ownServer();
  const admin = adminOf(server.port);
  await admin.config("SET", "requirepass", "old");
  const queue = new Queue("q", { redis: { host: "127.0.0.1", port: server.port, password: "new" } });
  afterwards(() => queue.close());
  expect(await failureAtOnce(queue.enqueue("t", 1))).toMatchObject({ code: "redis_refused" });
  await admin.config("SET", "requirepass", "new");
  await until("Redis accepts the client", () =>
    queue.enqueue("t", 1).then(
      () => true,
      () => false,
    ),
  );
});

test("a unix socket works as path, as URL and from a client of ioredis, in the heartbeat thread too", async () => {
  const folder = `/tmp/holdfast-${process.pid}-${Date.now()}.sock`;
  const server = await ownServer("--unixsocket", folder);
  const client = new Redis(folder, { lazyConnect: true });
  for (const redis of [{ path: folder }, `unix://${folder}?db=1`, client]) {
    const queue = new Queue("q", { redis });
    afterwards(() => queue.close());
    const worker = await started(new Worker("q", { t: () => "done" }, { redis }));
    const { id } = await queue.enqueue("t", 1);
    expect(await queue.result(id)).toMatchObject({ state: "completed", resultText: '"done"' });
    await worker.stop();
    expect(client.status).toBe("wait");
  }
  const admin = adminOf(server.port);
  expect(await admin.client("LIST")).not.toContain("holdfast-heartbeat");
});

test("a client of ioredis only says where Redis is, and is not used or changed", async () => {
  const { name } = library();
  const { hostname, port } = new URL(redisUrl());
  const redis = new Redis({
    host: hostname,
    port: Number(port),
    lazyConnect: true,
    maxRetriesPerRequest: 20,
  });
  const queue = new Queue(name, { redis });
  afterwards(() => queue.close());
  await started(new Worker(name, { t: () => 1 }, { redis }));
  const { id } = await queue.enqueue("t", 1);
  expect(await queue.result(id)).toMatchObject({ state: "completed" });
  expect(redis.status).toBe("wait");
  redis.disconnect();
});

test("a Cluster that asks for a password, by settings and by a client of ioredis", async () => {
  const busPort = String(await freePort());
  const server = await ownServer(
    ...["--cluster-enabled", "yes", "--cluster-port", busPort, "--cluster-announce-ip", "127.0.0.1"],
  );
  const admin = adminOf(server.port);
  await admin.config("SET", "requirepass", "right");
  await admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await until("the Cluster is up", async () =>
    String(await admin.call("CLUSTER", "INFO")).includes("cluster_state:ok"),
  );
  const clusterNodes = [{ host: "127.0.0.1", port: server.port }];
  for (const settings of [{ clusterNodes }, { clusterNodes, password: "wrong" }]) {
    const refused = new Queue("q", { redis: settings });
    afterwards(() => refused.close());
    expect(await failureAtOnce(refused.enqueue("t", 1))).toMatchObject({ code: "redis_refused" });
  }
  const client = new Cluster(clusterNodes, { lazyConnect: true, redisOptions: { password: "right" } });
  for (const redis of [{ clusterNodes, password: "right" }, client]) {
    const queue = new Queue("q", { redis });
    afterwards(() => queue.close());
    const worker = await started(new Worker("q", { t: () => 1 }, { redis }));
    const { id } = await queue.enqueue("t", 1);
    expect(await queue.result(id)).toMatchObject({ state: "completed" });
    await worker.stop();
  }
  expect(client.status).toBe("wait");
});

test.each([{ tls: {} }, { tls: { rejectUnauthorized: false } }, { tls: true }])(
  "with %j nothing is sent without TLS, especially not the password",
  async (settings) => {
    const received: Buffer[] = [];
    const listener = createServer((socket) => {
      socket.on("data", (bytes) => received.push(bytes));
      socket.on("error", () => {});
    }).listen(0, "127.0.0.1");
    await once(listener, "listening");
    afterwards(async () => void listener.close());
    const { port } = listener.address() as { port: number };
    const redis = { host: "127.0.0.1", port, password: "hunter2", commandTimeoutMs: 200, ...settings };
    const queue = new Queue("q", { redis });
    await expect(queue.enqueue("t", 1)).rejects.toMatchObject({
      code: "redis_unavailable",
      message: expect.stringContaining("use redis:// if this port does not use TLS"),
    });
    await queue.close();
    const bytes = Buffer.concat(received);
    // 0x16 is the first byte of a TLS handshake, so the client has sent no plain text.
    expect(bytes[0]).toBe(0x16);
    expect(bytes.includes("hunter2")).toBe(false);
  },
);

test("close() ends calls that wait for a connection at once", async () => {
  const port = await freePort();
  for (const redis of [
    { host: "127.0.0.1", port },
    // Nobody answers at this address, so the connection never opens.
    { host: "192.0.2.1", port: 6379 },
  ]) {
    const connection = new Connection({ ...redis, commandTimeoutMs: 60_000 });
    const waiting = [connection.ready(), connection.command("PING"), connection.check()];
    const told = failureAtOnce(Promise.any(waiting));
    await new Promise(setImmediate);
    await connection.close();
    expect(await told).toMatchObject({
      errors: waiting.map(() => expect.objectContaining({ code: "closed" })),
    });
    expect(await failureAtOnce(connection.ready())).toMatchObject({ code: "closed" });
  }
});

test("close() while a call waits for its answer: the caller is told that it may have run", async () => {
  const server = await ownServer();
  const connection = new Connection({ host: "127.0.0.1", port: server.port, commandTimeoutMs: 60_000 });
  await connection.ready();
  await adminOf(server.port).client("PAUSE", 60_000);
  const sent = failureAtOnce(connection.command("PING"));
  await new Promise(setImmediate);
  await connection.close();
  expect(await sent).toMatchObject({ code: "outcome_unknown" });
});

test("many queues on one client, and many calls while it connects, print no warning", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  const probe = library();
  const client = new Holdfast({ redis: redisUrl() });
  afterwards(() => client.close());
  const queues = Array.from({ length: 30 }, (_, n) => new Queue(`${probe.name}-${n}`, { client }));
  await Promise.all(queues.map((queue) => queue.enqueue("t", 1)));
  const calling = new Queue(probe.name, { redis: redisUrl() });
  afterwards(() => calling.close());
  await Promise.all(Array.from({ length: 30 }, (_, n) => calling.get(`x${n}`)));
  await new Promise(setImmediate);
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
  for (const { name } of queues) {
    await probe.client.connection.command("UNLINK", ...Object.values(probe.client.engine(name).keys));
    await probe.client.registry.removeQueue(name, async () => true);
  }
});
