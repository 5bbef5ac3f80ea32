import { KeyStore } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { type Holdfast, Janitor, Observer, Queue, type RewoundEvent, Schedules } from "holdfast";
import { OperationRunner, SeriesHistory } from "holdfast/operate";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { EndedSessions } from "../../services/observability/src/identity/ended-sessions.ts";
import { clientOf, expectLeast, failure, followEvents, helper, prefix } from "./roles.ts";
import { methodsOf, noting, startSecuredRedis, watch } from "./secured-redis.ts";

test("the user janitor has exactly the rights that a janitor needs, also after Redis lost data", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  // The queue "work" gets waiting tasks below. So the janitor gives it a larger share of this limit.
  await new Observer({ client: admin }).limits.share("db", { concurrency: 10 }, ["work", "idle"]);
  await queue.enqueue("t", 1, { id: "leased" });
  const engine = admin.engine("work");
  const base = {
    want: 1,
    held: 0,
    leaseMs: 1,
    maxRetries: 3,
    workerId: "gone",
    nonce: "n",
    noHandlerAfterMs: 1,
  };
  expect((await engine.acquire(base)).grants).toHaveLength(1);
  await new Observer({ client: admin }).configure("work", { retentionMs: 0, retentionCount: 0 });
  await queue.flow({ id: "flow", nodes: [{ name: "a", type: "t", options: { delayMs: 60_000 } }] });
  await queue.cancelFlow("flow");
  // The janitor reports the end of a node in another queue to the queue "work".
  await new Observer({ client: admin }).configure("far", { retentionCount: 5 });
  await queue.flow({ id: "over", nodes: [{ name: "a", type: "t", queue: "far" }] });
  await admin.engine("far").cancel("over.a");
  await queue.enqueue("t", 1, { id: "ended", delayMs: 60_000, unique: { key: "once" } });
  await queue.signal("ended", "go");
  await queue.cancel("ended");
  // No worker has a handler for the type of this task.
  await queue.enqueue("odd", 1, { id: "rejected" });
  await engine.acquire({ ...base, types: " t" });
  // An acquire would promote this task, so it is enqueued after the acquires.
  await queue.enqueue("t", 1, { id: "due", delayMs: 1 });
  const lost = { id: "w", queues: ["later"], types: [], host: "h", pid: 1, version: "1", slots: 1, busy: 0 };
  await admin.registry.putWorker({ ...lost, startedAt: 1, heartbeatAt: 1, state: "running" });
  // The queue of this schedule does not exist yet.
  const often = { queue: "later", cron: "* * * * * *", type: "t", overlap: "skip" } as const;
  await new Schedules({ client: admin }).put("s", often);
  // The second run of the schedule replaces the task of the first run.
  const unique = { key: "k", onConflict: "replace" } as const;
  const only = { queue: "replaced", cron: "* * * * * *", type: "t", options: { unique } };
  await new Schedules({ client: admin }).put("only", only);
  await new Observer({ client: admin }).pause("later");
  await new Observer({ client: admin }).deleteQueue("later");
  const log = `${prefix}:{:system}:audit_log`;
  await redis.admin.rpush(log, ...Array.from({ length: 1_001 }, (_, n) => `${n} {}`));
  await redis.admin.script("FLUSH");

  const seen = await watch(redis);
  await clientOf(redis, "janitor");
  const called = new Set<string>();
  const settings = { redis: redis.url("janitor"), prefix, auditIntervalMs: 1, auditLogMax: 1_000 };
  const janitor = noting(new Janitor(settings), called);
  const events: string[] = [];
  const errors: string[] = [];
  janitor.on("swept", ({ promoted, reaped, rejected, purged }) => {
    if (rejected) events.push("rejected");
    if (promoted) events.push("promoted");
    if (reaped.requeued) events.push("reaped");
    if (purged) events.push("purged");
  });
  janitor.on("scheduled", ({ outcome }) => events.push(outcome));
  janitor.on("audited", ({ violations }) => events.push(`audited ${violations.length}`));
  janitor.on("error", (error) => errors.push(error.message));
  await janitor.runOnce();
  await janitor.start();
  const all = ["promoted", "reaped", "rejected", "purged", "audited 0", "enqueued", "overlapped", "replaced"];
  await until(`the janitor has reported ${all}: ${events}`, () =>
    all.every((event) => events.includes(event)),
  );
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

/** Makes every call that observability makes about operations and the audit log. */
async function operate(client: Holdfast): Promise<void> {
  const by = {
    actor: "a",
    keyId: null,
    role: null,
    from: "f",
    clientRequestId: null,
    requestId: "r",
    reason: null,
  };
  const { operations, actions } = client;
  const runner = new OperationRunner({ client, producer: () => new Queue("work", { client }) });
  const endOf = async (id: string) => {
    await until(
      "the operation has ended",
      async () => ((await operations.get(id))?.endedAt ?? null) !== null,
    );
    return operations.get(id);
  };
  const discard = await operations.create(
    { kind: "discard", queue: "work", selection: { filter: {} }, by },
    0,
  );
  await operations.control(discard.id, "pause");
  await operations.control(discard.id, "resume");
  runner.start();
  expect(await endOf(discard.id)).toMatchObject({ state: "succeeded" });
  const undo = await operations.undo(discard.id, by);
  runner.nudge();
  expect(await endOf(undo.id)).toMatchObject({ state: "succeeded" });
  await runner.stop();
  expect((await operations.list({ cursor: undo.id })).operations).toMatchObject([
    { id: discard.id },
    { kind: "replay" },
  ]);
  expect((await operations.failures(discard.id)).total).toBe(0);
  await actions.append({
    ...by,
    at: 1,
    action: "queue.pause",
    queue: "work",
    subject: null,
    count: 0,
    outcome: "succeeded",
    code: null,
    operationId: null,
  });
  expect((await actions.page({ limit: 5 })).records).toHaveLength(1);
  for await (const page of actions.all({})) expect(page).toHaveLength(1);
  const ended = new EndedSessions(client);
  await ended.add("a", 2, 1_000);
  for await (const page of ended.after("")) expect(page.ended).toEqual([["a", 2]]);
}

/** Makes every call that observability makes about alerts. */
async function evaluateAlerts({ alerts }: Holdfast): Promise<void> {
  expect(await alerts.revision()).toBe(0);
  await alerts.putTarget("ops", { kind: "slack", url: "https://hooks.example.com/", secrets: [] });
  const when = { kind: "no_workers" } as const;
  const rule = {
    when,
    queues: "*",
    forMs: 0,
    keepFiringForMs: 0,
    repeatMs: 0,
    resolved: true,
    targets: ["ops"],
  };
  expect(await alerts.putRule("r", rule)).toBe(true);
  await alerts.mute("r", { by: "ada", at: 1, until: null, reason: null });
  await alerts.mute("r", null);
  const sent = await alerts.test("ops");
  expect(await alerts.turn("me", 10_000)).toMatchObject({ isOwner: true });
  const ended = [{ ...sent, outcome: "delivered" as const, endedAt: 2 }];
  expect(await alerts.write("me", { state: { rule: "r", state: {} }, waiting: [sent] })).toBe(true);
  expect(await alerts.write("me", { ended })).toBe(true);
  expect(await alerts.notification(sent.id)).toMatchObject({ outcome: "delivered" });
  expect(await alerts.deleteRule("r")).toBe(true);
  expect(await alerts.write("me", { state: { rule: "r", state: {}, isDeleted: true } })).toBe(true);
  expect(await alerts.deleteTarget("ops")).toBe(true);
}

test("the user observer has exactly the rights that an observer needs", async () => {
  const redis = await startSecuredRedis();
  const admin = await helper(redis);
  const queue = new Queue("work", { client: admin });
  const split = new Queue("split", { client: admin, partitions: 2 });
  await split.enqueue("t", 1);
  await new Queue("plain", { client: admin }).enqueue("t", 1);
  const dead = ["a", "b", "c", "d", "e", "f"];
  await queue.enqueueMany(dead.map((id) => ({ type: "dies", payload: 1, id })));
  const engine = admin.engine("work");
  const base = {
    want: 10,
    held: 0,
    leaseMs: 60_000,
    maxRetries: 0,
    workerId: "w",
    nonce: "n",
    noHandlerAfterMs: 1,
  };
  const { grants } = await engine.acquire(base);
  await engine.settle(
    grants.map(({ id, fence }) => ({
      kind: "fatal" as const,
      id,
      fence,
      error: "Error: no",
      told: "0123abcd dies - -",
    })),
    { ...base, want: 0 },
  );
  await queue.enqueue("t", 1, { id: "waits" });
  await queue.enqueue("t", 1, { id: "cancelled" });
  const log = `${prefix}:{:system}:audit_log`;
  await redis.admin.rpush(log, ...Array.from({ length: 1_001 }, (_, n) => `${n} {}`));
  await redis.admin.script("FLUSH");

  const seen = await watch(redis);
  const client = await clientOf(redis, "observer");
  const called = new Set<string>();
  const observer = noting(new Observer({ client }), called);
  expect(await observer.queues()).toEqual(["plain", "split", "work"]);
  expect(await new KeyStore(client).version()).toBeNull();
  expect((await new KeyStore(client).read()).keys).toEqual([]);
  await new KeyStore(client).noteUses(new Map([["abcdefghijkl", 1]]));
  expect(await observer.stats("work")).toMatchObject({ dead: 6, pending: 2 });
  expect(await observer.snapshot()).toHaveLength(3);
  expect(await observer.task("work", "a")).toMatchObject({ state: "dead" });
  expect(await observer.signal("work", "waits", "go")).toBe("kept");
  expect(await observer.steps("work", "waits")).toMatchObject({ signals: [{ event: "go" }] });
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
  const { errors } = await observer.errors(["work"]);
  expect(errors).toHaveLength(1);
  await observer.muteError("work", errors[0]?.signature ?? "");
  expect(await observer.countDead("work", { type: "dies" })).toBe(6);
  expect(await observer.replay("work", ["a"])).toMatchObject([{ outcome: "replayed" }]);
  expect(await observer.replay("work", ["b"], { payloadText: "2" })).toMatchObject([{ outcome: "replayed" }]);
  expect(await observer.replay("work", ["c"], { to: "other" })).toMatchObject([{ outcome: "moved" }]);
  expect(await observer.discard("work", ["d"])).toMatchObject([{ outcome: "discarded" }]);
  expect(await observer.replayAll("work", { type: "nothing" })).toMatchObject({ replayed: 0 });
  await operate(client);
  expect(await observer.matchDead("work", { type: "dies" })).toMatchObject({ isWhole: true });
  expect(await observer.discardAll("work")).toMatchObject({ discarded: 2 });
  expect(await observer.cancel("work", "cancelled")).toBe("cancelled");
  const givenUp = await observer.giveUp("work", [{ id: "none", reason: "fatal", attempts: 1 }]);
  expect(givenUp).toEqual([{ id: "none", outcome: "not_found" }]);
  expect(await observer.staleVerdicts("work")).toEqual([]);
  await observer.configure("work", { maxWaiting: 5_000 });
  const { limits } = observer;
  expect(await limits.set("work", { key: { concurrency: 1 } })).toMatchObject({ running: 0 });
  await limits.hold("work", 60_000, { key: "customer" });
  expect(await limits.setKey("work", "customer", { concurrency: 2 }, { forMs: 60_000 })).toMatchObject({
    blockedBy: "hold",
  });
  expect(await limits.key("work", "customer")).toMatchObject({ waiting: 0 });
  expect(await limits.get("work")).toMatchObject({ blockedBy: null });
  expect(await limits.heaviest("work")).toMatchObject({ isWhole: true });
  expect(await limits.keys("work")).toMatchObject({ cursor: null });
  await limits.set("work", {});
  await limits.share("db", { concurrency: 5 }, ["work", "plain"]);
  expect(await limits.shared()).toMatchObject([{ name: "db" }]);
  expect(await limits.unshare("db")).toBe(true);
  await observer.pause("work", "trying");
  await observer.resume("work");
  expect(await observer.workers({ tasks: true })).toEqual([]);
  expect(await observer.janitors()).toEqual([]);
  expect(await failure(observer.drainWorker("nobody"))).toBe("not_found");
  expect(await failure(observer.resumeWorker("nobody"))).toBe("not_found");
  expect((await observer.audit("work", { repair: true })).violations).toEqual([]);
  expect((await observer.empty("work", ["pending"])).removed).toBe(3);
  await new Queue("work", { client }).enqueue("t", 1, { id: "later", delayMs: 60_000 });
  expect(await observer.matchScheduled("work")).toMatchObject({ matched: 1 });
  const moved = { key: "customer", payload: 2 };
  expect(await observer.change("work", ["later"], moved)).toMatchObject([{ outcome: "changed" }]);
  expect(await observer.changeAll("work", {}, { delayMs: 0 })).toEqual({ changed: 1, skipped: 0 });
  expect((await observer.empty("work", ["pending"])).removed).toBe(1);
  await observer.pause("work");
  await observer.deleteQueue("work");
  // The command `holdfast` also enqueues, with the user `observer`.
  const producer = new Queue("work", { client });
  await producer.enqueue("t", 1, { id: "again" });
  expect(await observer.cancel("work", "again")).toBe("cancelled");
  expect(await producer.enqueue("t", 1, { id: "again" })).toMatchObject({ duplicate: false });
  const unique = { key: "once", onConflict: "replace" } as const;
  await producer.enqueue("t", 1, { unique });
  await producer.flow({ id: "flow", nodes: [{ name: "a", type: "t", options: { delayMs: 60_000 } }] });
  expect((await observer.flows("work")).flows).toHaveLength(1);
  await observer.configure("far", { retentionCount: 5 });
  await producer.flow({ id: "over", nodes: [{ name: "a", type: "t", queue: "far" }] });
  expect(await observer.stats("far")).toMatchObject({ pending: 1 });
  expect((await observer.flowNodes("work", "flow")).nodes).toHaveLength(1);
  expect((await observer.flowGraph("work", "flow")).groups).toHaveLength(1);
  expect(await observer.getFlow("work", "flow")).toMatchObject({ state: "running" });
  expect(await observer.flowGraph("work", "flow")).toMatchObject({ scanned: 1 });
  expect(await observer.cancelFlow("work", "flow")).toBe("cancelled");
  expect(await producer.enqueue("t", 2, { unique })).toMatchObject({ replaced: true });
  expect(await observer.partitions("split")).toBe(2);
  expect(await observer.partition("split", 3)).toEqual({ partitions: 3 });
  expect(await observer.stats("split")).toMatchObject({ pending: 1 });
  expect(await failure(observer.configure("split", { maxWaiting: 5_000 }))).toBe("fulfilled");
  await observer.pause("split");
  await observer.deleteQueue("split");
  await observer.configure("empty", { retentionCount: 5 });
  expect(await observer.partition("empty", 2)).toEqual({ partitions: 2 });
  const schedules = noting(new Schedules({ client }), called);
  await schedules.put("s", { queue: "plain", cron: "@daily", type: "t" });
  await schedules.run("s");
  await schedules.pause("s");
  await schedules.resume("s");
  expect(await schedules.get("s")).toMatchObject({ lastRun: { state: "pending" } });
  expect(await schedules.list()).toHaveLength(1);
  expect(await schedules.delete("s")).toBe(true);
  await evaluateAlerts(client);
  const history = noting(new SeriesHistory(client), called);
  const first = await observer.stats("plain");
  await history.keep(first, null);
  await history.keep({ ...first, at: first.at + 20_000 }, null);
  expect(await history.read("plain", 0, first.at + 20_000)).toHaveLength(1);
  await observer.configure("told", { maxEvents: 100 });
  await followEvents(redis, new Queue("told", { client }));
  expect(await observer.configure("told", { maxEvents: 0 })).toMatchObject({ maxEvents: 0 });
  await seen.note();
  await observer.close();
  expect(methodsOf(Observer).filter((name) => !called.has(name))).toEqual([]);
  // The library ends a subscription to events ten seconds after the last reader has gone. So this check has to wait.
  await expectLeast(redis, seen, "observer", ["sunsubscribe"]);
});
