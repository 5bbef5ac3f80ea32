import { KeyStore } from "@holdfast/service/keys";
import { startRedisServer, until } from "@holdfast/testing";
import { Observer, Queue } from "holdfast";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { clientOf, expectLeast, failure, followEvents, helper } from "./roles.ts";
import { isSince72, methodsOf, noting, startSecuredRedis, watch } from "./secured-redis.ts";

test("the user producer has exactly the rights that a producer needs", async () => {
  const redis = await startSecuredRedis([
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--repl-diskless-sync-delay",
    "0",
  ]);
  // Replicas need these rights, which SECURITY.md lists.
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
  await new Observer({ client: admin }).configure("told", { maxEvents: 100 });
  await new Observer({ client: admin }).configure("far", { retentionCount: 5 });
  const seen = await watch(redis);
  const client = await clientOf(redis, "producer");
  const called = new Set<string>();
  const queue = noting(new Queue("work", { client }), called);

  await queue.ready();
  const { id } = await queue.enqueue("t", { n: 1 });
  await queue.enqueueText("t", "[1]", { delayMs: 60_000, id: "later" });
  await queue.enqueue("t", 1, { priority: "high" });
  await queue.enqueue("t", 1, { priority: "low", expiresAt: Date.now() + 60_000 });
  const many = await queue.enqueueMany(Array.from({ length: 700 }, (_, payload) => ({ type: "t", payload })));
  expect(many.every(({ ok }) => ok)).toBe(true);
  const plain = await queue.enqueueColumns({ bytes: Buffer.from("[1]"), types: ["t"], spans: [0, 3] });
  expect(plain.ids).toHaveLength(1);
  expect(await queue.enqueueText("t", "[1]", { delayMs: 60_000, id: "later" })).toMatchObject({
    duplicate: true,
  });
  expect(await queue.signal("later", "go")).toBe("kept");
  expect(await queue.cancel("later")).toBe("cancelled");
  expect(await queue.enqueueText("t", "[2]", { id: "later" })).toMatchObject({ duplicate: false });
  await until("the replica is in sync", async () =>
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
  await queue.hold("customer", 60_000);
  await queue.enqueue("t", 1, { key: "customer" });
  await queue.enqueue("t", 1, { key: "customer", delayMs: 60_000 });
  await queue.hold("customer", 0);
  const unique = { key: "once", onConflict: "replace" } as const;
  const first = await queue.enqueue("t", 1, { unique });
  expect(await queue.enqueue("t", 2, { unique, delayMs: 60_000 })).toMatchObject({
    id: first.id,
    replaced: true,
  });
  expect(await queue.enqueue("t", 3, { unique, priority: "high" })).toMatchObject({ replaced: true });
  await queue.flow({
    id: "whole",
    nodes: [{ name: "a", type: "t", options: { key: "a", delayMs: 60_000 } }],
  });
  const flow = await queue.openFlow({ id: "open", on: { done: { type: "t" } } });
  await flow.add([{ name: "a", type: "t" }]);
  expect((await queue.flowNodes("open")).nodes).toHaveLength(1);
  expect(await queue.getFlow("open")).toMatchObject({ state: "open" });
  expect(await queue.cancelFlow("open")).toBe("cancelled");
  expect(await queue.cancelFlow("whole")).toBe("cancelled");
  await queue.flow({ id: "over", nodes: [{ name: "a", type: "t", queue: "far" }] });
  expect((await queue.flowNodes("over")).nodes).toMatchObject([{ queue: "far", state: "pending" }]);
  expect(await queue.cancel(first.id)).toBe("cancelled");
  const held = await queue.enqueue("t", 1, { key: "customer", priority: "low" });
  const change = { delayMs: 60_000, key: "other", payload: 2 } as const;
  expect(await queue.change(held.id, { key: null, priority: "high" })).toMatchObject({ outcome: "changed" });
  expect(await queue.change(held.id, change)).toMatchObject({ state: "scheduled" });
  expect(await queue.runNow(held.id)).toMatchObject({ outcome: "changed", state: "pending" });

  await followEvents(redis, noting(new Queue("told", { client }), called));
  expect(await new KeyStore(client).version()).toBeNull();
  expect((await new KeyStore(client).read()).keys).toEqual([]);
  await new KeyStore(client).noteUses(new Map([["abcdefghijkl", 1]]));
  const split = noting(new Queue("split", { client, partitions: 2 }), called);
  expect(await split.partitions()).toBe(2);
  const part = await split.enqueue("t", 1, { partitionKey: "a" });
  await split.enqueueMany([{ type: "t", payload: 1 }]);
  await split.enqueueText("t", "1");
  expect(await split.get(part.id)).toMatchObject({ state: "pending" });
  expect(await split.cancel(part.id)).toBe("cancelled");
  expect(await split.wait(part.id, { waitMs: 1 })).toMatchObject({ state: "cancelled" });
  expect(await split.result(part.id)).toMatchObject({ state: "cancelled" });
  expect(await new Queue("split", { client }).enqueue("t", 1)).toMatchObject({ duplicate: false });
  expect(await failure(new Queue("plain", { client, partitions: 2 }).partitions())).toBe("conflict");

  await seen.note();
  await queue.close();
  await split.close();
  // A caller who sets limits needs the rights of the user observer.
  expect(methodsOf(Queue).filter((name) => !called.has(name))).toEqual(["setLimits"]);
  // The library ends a subscription to events ten seconds after the last reader has gone. So this check has to wait.
  await expectLeast(redis, seen, "producer", ["sunsubscribe"]);
});
