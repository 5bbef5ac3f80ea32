import { expect, test } from "vitest";
import {
  Holdfast,
  type HoldfastError,
  Janitor,
  Observer,
  PartitionedObserver,
  PartitionedQueue,
  PartitionedWorker,
  Queue,
  type RewoundEvent,
  type StaleVerdict,
  Worker,
} from "../../src/index.ts";
import * as scripts from "../../src/redis/generated/index.ts";
import { afterwards } from "../support/library.ts";
import { startRedisServer } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import {
  isSince72,
  methodsOf,
  noting,
  PREFIX,
  type SecuredRedis,
  startSecuredRedis,
  template,
  type Watch,
  watch,
} from "./secured-redis.ts";

const nameOf = new Map(Object.values(scripts).map(({ sha1, name }) => [sha1, name]));
const prefix = PREFIX;

/** The words of the template's line after a comment that begins so. */
function linesAfter(role: string, comment: string): string[] {
  const lines = template(role).split("\n");
  const at = lines.findIndex((line) => line.startsWith(`# ${comment}`));
  return (lines[at + 1] ?? "").split(" ").map((word) => word.slice(1));
}

/** A client as a role has one beside its loop: it connects, checks and pings. */
async function clientOf(redis: SecuredRedis, role: string): Promise<Holdfast> {
  const client = new Holdfast({ redis: redis.url(role), prefix });
  afterwards(() => client.close());
  await client.check();
  await client.ping();
  return client;
}

/** As admin, in the database of the roles. */
const helper = (redis: SecuredRedis) => clientOf(redis, "admin");

/** The role sent nothing that it may not, and may send nothing that it did not: in scripts, all that they could. */
async function expectLeast(redis: SecuredRedis, seen: Watch, role: string, unseen: readonly string[] = []) {
  expect(await redis.admin.acl("LOG")).toEqual([]);
  const ran = [...seen.scripts(role)].map((sha) => nameOf.get(sha) ?? sha).sort();
  expect(template(role)).toContain(`# Called by the scripts ${ran.join(", ")}\n`);
  const sent = seen.commands(role);
  // Unknown to Redis before 7.2, and refused as such.
  const newer = isSince72 ? ["client|setinfo"] : [];
  const wanted = [...linesAfter(role, "Sent by the library"), ...newer].filter(
    (command) => !unseen.includes(command),
  );
  expect(wanted.filter((command) => !sent.has(command))).toEqual([]);
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => "fulfilled",
    (error: HoldfastError) => error.code,
  );

test("a producer does its whole job as the user producer", async () => {
  const redis = await startSecuredRedis([
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--repl-diskless-sync-delay",
    "0",
  ]);
  // As SECURITY.md says it for replicas.
  await redis.admin.acl(
    "SETUSER",
    "replica",
    "on",
    ">a-password-of-the-test",
    "+psync",
    "+replconf",
    "+ping",
  );
  const auth = ["--masteruser", "replica", "--masterauth", "a-password-of-the-test"];
  const replica = await startRedisServer(["--replicaof", "127.0.0.1", String(redis.port), ...auth]);
  afterwards(() => replica.stop());
  const admin = await helper(redis);
  await new Observer({ client: admin }).configure("plain", { maxWaiting: 10_000 });
  const seen = await watch(redis);
  const client = await clientOf(redis, "producer");
  const called = new Set<string>();
  const queue = noting(new Queue("work", { client }), called);

  const { id } = await queue.enqueue("t", { n: 1 });
  await queue.enqueueText("t", "[1]", { delayMs: 60_000, id: "later" });
  await queue.enqueue("t", 1, { priority: "high" });
  await queue.enqueue("t", 1, { priority: "low", expiresAt: Date.now() + 60_000 });
  const many = await queue.enqueueMany(Array.from({ length: 700 }, (_, payload) => ({ type: "t", payload })));
  expect(many.every(({ ok }) => ok)).toBe(true);
  expect(await queue.enqueueText("t", "[1]", { delayMs: 60_000, id: "later" })).toMatchObject({
    duplicate: true,
  });
  await until("the replica is in step", async () =>
    /state=online/.test(await redis.admin.info("replication")),
  );
  await until(
    "a replica confirms",
    async () =>
      (await failure(queue.enqueue("t", 1, { id: "safe", durability: "replicated" }))) === "fulfilled",
  );
  if (isSince72) await queue.enqueue("t", 1, { durability: "fsynced" });
  expect(await queue.get(id)).toMatchObject({ state: "pending" });
  expect(await queue.wait(id, { waitMs: 1 })).toMatchObject({ state: "pending" });
  expect(await queue.result(id, { waitMs: 1 })).toBeNull();
  expect(await queue.cancel("later")).toBe("cancelled");

  const split = noting(new PartitionedQueue("split", { client, partitions: 2 }), called);
  expect(await split.partitions()).toBe(2);
  const part = await split.enqueue("t", 1, { partitionKey: "a" });
  await split.enqueueMany([{ type: "t", payload: 1 }]);
  await split.enqueueText("t", "1");
  expect(await split.get(part.id)).toMatchObject({ state: "pending" });
  expect(await split.cancel(part.id)).toBe("cancelled");
  expect(await split.wait(part.id, { waitMs: 1 })).toMatchObject({ state: "cancelled" });
  expect(await split.result(part.id)).toMatchObject({ state: "cancelled" });
  expect(await failure(new Queue("split", { client }).enqueue("t", 1))).toBe("conflict");
  expect(await failure(new PartitionedQueue("plain", { client, partitions: 2 }).partitions())).toBe(
    "conflict",
  );

  await seen.note();
  await queue.close();
  await split.close();
  expect([...methodsOf(Queue), ...methodsOf(PartitionedQueue)].filter((name) => !called.has(name))).toEqual(
    [],
  );
  await expectLeast(redis, seen, "producer");
});

test("a worker does its whole job as the user worker", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  const split = new PartitionedQueue("split", { client: admin, partitions: 2 });
  await split.partitions();
  await queue.enqueue("warm-up", 1, { delayMs: 3_600_000 });
  await redis.admin.script("FLUSH");
  const seen = await watch(redis);
  await clientOf(redis, "worker");

  const called = new Set<string>();
  const opened = new Map<string, () => void>();
  const held = (task: { id: string }, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve, reject) => {
      opened.set(task.id, resolve);
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  const stubborn = (task: { id: string }) =>
    new Promise<void>((resolve) => void opened.set(task.id, resolve));
  let failed = 0;
  const worker = noting(
    new Worker(
      "work",
      {
        ok: async (_, ctx) => {
          await ctx.progress({ half: true });
          await ctx.log("a line");
          return "done";
        },
        fails: () => {
          failed++;
          throw new Error("no");
        },
        held,
        stubborn,
      },
      { redis: redis.url("worker"), prefix, leaseMs: 600, pollMs: 10_000, backoff: { baseMs: 1, maxMs: 1 } },
    ),
    called,
  );
  const errors: string[] = [];
  const stale: StaleVerdict[] = [];
  const renewals: string[] = [];
  worker.on("error", (error) => errors.push(error.message));
  worker.on("stale", (verdict) => stale.push(verdict));
  worker.on("renewal", ({ outcome }) => renewals.push(outcome));
  await worker.start();
  expect(worker.lastGoodPollAgeMs()).toBeGreaterThanOrEqual(0);

  // Each by a push or a wake-up: it polls every 10 s only.
  const state = async (id: string) => (await queue.get(id))?.state;
  await queue.enqueue("ok", 1, { id: "ok" });
  expect(await queue.result("ok", { waitMs: 5_000 })).toMatchObject({
    resultText: '"done"',
    log: ["a line"],
  });
  await queue.enqueue("fails", 1, { id: "dies", maxRetries: 0 });
  await until("it is dead", async () => (await state("dies")) === "dead");
  await queue.enqueue("fails", 1, { id: "retried" });
  await until("it was tried and waits", () => failed >= 2);
  await queue.enqueue("unheard-of", 1, { id: "unrouted" });
  await queue.enqueue("held", 1, { id: "cancelled" });
  await until("it runs", () => opened.has("cancelled"));
  await queue.cancel("cancelled");
  await until("it is cancelled", async () => (await state("cancelled")) === "cancelled");
  await queue.enqueue("stubborn", 1, { id: "late" });
  await until("it runs and is renewed", () => opened.has("late") && renewals.includes("renewed"));
  const engine = admin.engine("work");
  await until("its lease is over", async () => {
    await admin.connection.command("ZADD", engine.keys.processing, 1, "late");
    await engine.reap(10);
    return (await state("late")) === "pending" || ((await queue.get("late"))?.attempts ?? 0) > 1;
  });
  opened.get("late")?.();
  await until("the late verdict is in the ledger", () => stale.length === 1);
  await until(
    "it is in the registry",
    async () => (await new Observer({ client: admin }).workers()).length === 1,
  );

  const parts = noting(
    new PartitionedWorker("split", { ok: () => "done" }, { redis: redis.url("worker"), prefix }),
    called,
  );
  parts.on("error", (error) => errors.push(error.message));
  await parts.start();
  expect(parts.lastGoodPollAgeMs()).toBeGreaterThanOrEqual(0);
  const { id } = await split.enqueue("ok", 1);
  expect(await split.result(id, { waitMs: 5_000 })).toMatchObject({ state: "completed" });
  const other = { redis: redis.url("worker"), prefix };
  const refused = [
    new Worker("split", {}, other),
    new PartitionedWorker("work", {}, { ...other, partitions: 2 }),
    // Declared by it: it may be the first that comes.
    new PartitionedWorker("first", {}, { ...other, partitions: 2 }),
  ];
  expect(await Promise.all(refused.map((one) => failure(one.start())))).toEqual([
    "conflict",
    "conflict",
    "fulfilled",
  ]);

  await seen.note();
  await Promise.all(refused.map((one) => one.stop({ graceMs: 0 })));
  await queue.enqueue("held", 1, { id: "handed-back" });
  await until("it runs", () => opened.has("handed-back"));
  await worker.stop({ graceMs: 0 });
  expect(await queue.get("handed-back")).toMatchObject({ state: "pending", attempts: 0 });
  await parts.stop();
  expect([...methodsOf(Worker), ...methodsOf(PartitionedWorker)].filter((name) => !called.has(name))).toEqual(
    [],
  );
  expect(errors).toEqual([]);
  await expectLeast(redis, seen, "worker");
});

test("a janitor does its whole job as the user janitor, after a rewind too", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  await queue.enqueue("t", 1, { id: "leased" });
  const engine = admin.engine("work");
  const turn = {
    want: 1,
    held: 0,
    leaseMs: 1,
    maxRetries: 3,
    workerId: "gone",
    nonce: "n",
    noHandlerAfterMs: 1,
  };
  expect((await engine.acquire(turn)).grants).toHaveLength(1);
  await new Observer({ client: admin }).configure("work", { retentionMs: 0, retentionCount: 0 });
  await queue.enqueue("t", 1, { id: "ended", delayMs: 60_000 });
  await queue.cancel("ended");
  // After the acquire, which would have taken it along.
  await queue.enqueue("t", 1, { id: "due", delayMs: 1 });
  const lost = { id: "w", queues: [], types: [], host: "h", pid: 1, version: "1", slots: 1, busy: 0 };
  await admin.registry.putWorker({ ...lost, startedAt: 1, heartbeatAt: 1, state: "running" });
  await redis.admin.script("FLUSH");

  const seen = await watch(redis);
  await clientOf(redis, "janitor");
  const called = new Set<string>();
  const settings = { redis: redis.url("janitor"), prefix, auditIntervalMs: 1 };
  const janitor = noting(new Janitor(settings), called);
  const events: string[] = [];
  const errors: string[] = [];
  janitor.on("swept", ({ promoted, reaped, purged }) => {
    if (promoted) events.push("promoted");
    if (reaped.requeued) events.push("reaped");
    if (purged) events.push("purged");
  });
  janitor.on("audited", ({ violations }) => events.push(`audited ${violations.length}`));
  janitor.on("error", (error) => errors.push(error.message));
  await janitor.runOnce();
  await janitor.start();
  const all = ["promoted", "reaped", "purged", "audited 0"];
  await until(`it has done ${all}: ${events}`, () => all.every((event) => events.includes(event)));
  await until("the dead worker is forgotten", async () => (await admin.registry.workers()).length === 0);
  expect(janitor.lastSuccessAt()).toBeGreaterThan(0);
  await seen.note();
  await janitor.stop();
  expect(methodsOf(Janitor).filter((name) => !called.has(name))).toEqual([]);
  expect(errors).toEqual([]);
  await expectLeast(redis, seen, "janitor");

  const watching = new Janitor({ ...settings, queues: ["work"] });
  afterwards(() => watching.stop());
  const rewound: RewoundEvent[] = [];
  watching.on("rewound", (event) => rewound.push(event));
  await watching.runOnce();
  await redis.restart();
  await watching.runOnce();
  expect(rewound).toHaveLength(1);
  expect(await redis.admin.acl("LOG")).toEqual([]);
});

test("an observer does its whole job as the user observer", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  const split = new PartitionedQueue("split", { client: admin, partitions: 2 });
  await split.enqueue("t", 1);
  await new Queue("plain", { client: admin }).enqueue("t", 1);
  const dead = ["a", "b", "c", "d", "e", "f"];
  await queue.enqueueMany(dead.map((id) => ({ type: "dies", payload: 1, options: { id } })));
  const engine = admin.engine("work");
  const turn = {
    want: 10,
    held: 0,
    leaseMs: 60_000,
    maxRetries: 0,
    workerId: "w",
    nonce: "n",
    noHandlerAfterMs: 1,
  };
  const { grants } = await engine.acquire(turn);
  await engine.settle(
    grants.map(({ id, token }) => ({ kind: "fatal" as const, id, token, error: "Error: no" })),
    { ...turn, want: 0 },
  );
  await queue.enqueue("t", 1, { id: "waits" });
  await queue.enqueue("t", 1, { id: "cancelled" });
  await redis.admin.script("FLUSH");

  const seen = await watch(redis);
  const client = await clientOf(redis, "observer");
  const called = new Set<string>();
  const both = [new Observer({ client }), new PartitionedObserver({ client })] as const;
  const [observer, parts] = [noting(both[0], called), noting(both[1], called)];
  expect(await observer.queues()).toEqual(["plain", "split/0", "split/1", "work"]);
  expect(await observer.stats("work")).toMatchObject({ dead: 6, pending: 2 });
  expect(await observer.snapshot()).toHaveLength(4);
  expect(await observer.task("work", "a")).toMatchObject({ state: "dead" });
  for (const state of [
    "pending",
    "scheduled",
    "processing",
    "completed",
    "cancelled",
    "expired",
    "dead",
  ] as const)
    await observer.list("work", { state, limit: 5 });
  const page = await observer.list("work", { state: "dead", limit: 2 });
  expect(
    (await observer.list("work", { state: "dead", limit: 2, cursor: page.cursor ?? "" })).tasks,
  ).toHaveLength(2);
  expect(await observer.why("work", "waits")).not.toBeNull();
  expect(await observer.deadLetterGroups("work")).toHaveLength(1);
  expect(await observer.countDead("work", { type: "dies" })).toBe(6);
  expect(await observer.replay("work", ["a"])).toMatchObject([{ outcome: "replayed" }]);
  expect(await observer.replay("work", ["b"], { payloadText: "2" })).toMatchObject([{ outcome: "replayed" }]);
  expect(await observer.replay("work", ["c"], { to: "other" })).toMatchObject([{ outcome: "moved" }]);
  expect(await observer.discard("work", ["d"])).toMatchObject([{ outcome: "discarded" }]);
  expect(await observer.replayAll("work", { type: "nothing" })).toMatchObject({ replayed: 0 });
  expect(await observer.discardAll("work")).toMatchObject({ discarded: 2 });
  expect(await observer.cancel("work", "cancelled")).toBe("cancelled");
  expect(await observer.staleVerdicts("work")).toEqual([]);
  await observer.configure("work", { maxWaiting: 5_000 });
  await observer.pause("work", "trying");
  await observer.resume("work");
  expect(await observer.workers()).toEqual([]);
  expect((await observer.audit("work", { repair: true })).violations).toEqual([]);
  expect((await observer.empty("work", ["pending"])).removed).toBe(3);
  await observer.pause("work");
  await observer.deleteQueue("work");

  expect(await parts.partitions("split")).toBe(2);
  expect(await parts.grow("split", 3)).toEqual({ partitions: 3 });
  expect(await parts.stats("split")).toMatchObject({ pending: 1 });
  expect(await failure(parts.configure("split", { maxWaiting: 5_000 }))).toBe("fulfilled");
  await parts.pause("split");
  await parts.deleteQueue("split");
  // A conflict takes back what was registered.
  await admin.connection.command("HSETNX", `${prefix}:{:system}:partitions`, "whole", 2);
  expect(await failure(observer.configure("whole", {}))).toBe("conflict");
  await seen.note();
  await observer.close();
  await parts.close();
  expect([...methodsOf(Observer), "grow", "partitions"].filter((name) => !called.has(name))).toEqual([]);
  await expectLeast(redis, seen, "observer");
});

test("who brings no password, or a wrong one, is refused and told which variables to check", async () => {
  const redis = await startSecuredRedis();
  for (const url of [
    `redis://127.0.0.1:${redis.port}`,
    `redis://:guess@127.0.0.1:${redis.port}`,
    `redis://producer:guess@127.0.0.1:${redis.port}`,
  ]) {
    const client = new Holdfast({ redis: url });
    afterwards(() => client.close());
    const error: HoldfastError = await client.check(1_000).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.code).toBe("redis_unavailable");
    expect(error.message).toContain("REDIS_USERNAME and REDIS_PASSWORD");
    expect(error.message).not.toContain("guess");
  }
});
