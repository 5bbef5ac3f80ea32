import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Holdfast, Observer, Queue } from "../src/index.ts";
import { afterwards } from "./support/library.ts";

async function server(...args: string[]): Promise<RedisServer> {
  const started = await startRedisServer(args);
  afterwards(() => started.stop());
  return started;
}

function on(redis: RedisServer, name = "work") {
  const client = new Holdfast({ redis: redis.url });
  afterwards(() => client.close());
  return { client, queue: new Queue(name, { client }), observer: new Observer({ client }) };
}

const AOF_ALWAYS = ["--appendonly", "yes", "--appendfsync", "always"];
const NO_AOF = ["--appendonly", "no"];

/** Starts a primary with a replica that is in sync. */
async function pair() {
  const primary = await server(...NO_AOF, "--repl-diskless-sync-delay", "0");
  const replica = await server(...NO_AOF, "--replicaof", "127.0.0.1", String(primary.port));
  const its = on(primary);
  await until("the replica is in sync", async () =>
    /slave0:.*state=online/.test(await its.client.connection.command<string>("INFO", "replication")),
  );
  return { primary, replica, ...its };
}

test("a durability that this Redis can never give is refused before the write", async () => {
  const { client, queue, observer } = on(await server(...NO_AOF));
  const empty = async () =>
    expect(await client.connection.command("EXISTS", client.engine("work").keys.tasks)).toBe(0);
  await expect(queue.enqueue("t", 1, { id: "a", durability: "fsynced" })).rejects.toMatchObject({
    code: "durability_unavailable",
    message: expect.stringContaining("appendonly yes"),
  });
  await expect(queue.enqueue("t", 1, { id: "a", durability: "replicated" })).rejects.toMatchObject({
    code: "durability_unavailable",
    message: expect.stringContaining("0 connected replicas, and 1"),
  });
  await empty();
  await observer.configure("work", { durability: "replicated" });
  expect((await observer.stats("work")).settings.durability).toBe("replicated");
  const asked = new Queue("work", { client });
  await expect(asked.enqueue("t", 1)).rejects.toMatchObject({ code: "durability_unavailable" });
  await empty();
  expect(await asked.enqueue("t", 1, { durability: "memory" })).toMatchObject({ durability: "memory" });
});

test("with the append-only file fsynced on every write, fsynced is reached and reported", async () => {
  const { queue, observer } = on(await server(...AOF_ALWAYS));
  expect(await queue.enqueue("t", 1, { durability: "fsynced" })).toMatchObject({
    state: "pending",
    duplicate: false,
    durability: "fsynced",
  });
  const many = await queue.enqueueMany(
    Array.from({ length: 700 }, (_, payload) => ({
      type: "t",
      payload,
      durability: "fsynced" as const,
    })),
  );
  expect(many.every((result) => result.ok && result.receipt.durability === "fsynced")).toBe(true);
  expect((await observer.stats("work")).pending).toBe(701);
});

test("before Redis 7.2, appendfsync everysec is not fsynced", async () => {
  const { client, queue } = on(await server("--appendonly", "yes", "--appendfsync", "everysec"));
  const info = await client.connection.command<string>("INFO", "server");
  const hasWaitAof = !/redis_version:7\.[01]\./.test(info);
  const enqueued = queue.enqueue("t", 1, { durability: "fsynced" });
  if (hasWaitAof) await expect(enqueued).resolves.toMatchObject({ durability: "fsynced" });
  else {
    await expect(enqueued).rejects.toMatchObject({
      code: "durability_unavailable",
      message: expect.stringContaining("appendfsync always"),
    });
  }
});

test("a replica that hangs makes the outcome unknown; a repeat with the same id makes no second task when the replica continues", async () => {
  const { queue, observer, replica } = await pair();
  expect(await queue.enqueue("t", 0, { durability: "replicated" })).toMatchObject({
    durability: "replicated",
  });

  replica.signal("SIGSTOP");
  let minted = "";
  try {
    const [own, given] = await Promise.allSettled([
      queue.enqueue("t", { n: 1 }, { durability: "replicated" }),
      queue.enqueue("t", { n: 2 }, { id: "given", durability: "replicated" }),
    ]);
    expect(own).toMatchObject({
      status: "rejected",
      reason: { code: "outcome_unknown", message: expect.stringContaining("Retry with the same id") },
    });
    expect(given).toMatchObject({ status: "rejected", reason: { code: "outcome_unknown", taskId: "given" } });
    minted = own.status === "rejected" ? own.reason.taskId : "";
    expect(minted).toMatch(/^.{14}$/);
    // The replica still does not answer, so a second attempt is not confirmed either.
    await expect(
      queue.enqueue("t", { n: 2 }, { id: "given", durability: "replicated" }),
    ).rejects.toMatchObject({
      code: "outcome_unknown",
    });
    // Enqueues with another durability do not wait for the replica.
    expect(await queue.enqueue("t", 3)).toMatchObject({ durability: "memory" });
  } finally {
    replica.signal("SIGCONT");
  }
  for (const [id, n] of [
    ["given", 2],
    [minted, 1],
  ] as const) {
    expect(await queue.enqueue("t", { n }, { id, durability: "replicated" })).toMatchObject({
      id,
      duplicate: true,
      durability: "replicated",
    });
  }
  expect((await observer.stats("work")).pending).toBe(4);
}, 30_000);

test("the confirmation of one replica is not enough for two", async () => {
  const { queue } = await pair();
  await expect(queue.enqueue("t", 1, { durability: "replicated", replicas: 2 })).rejects.toMatchObject({
    code: "durability_unavailable",
    message: expect.stringContaining("1 connected replicas, and 2"),
  });
});

test("the setting of the queue holds for tasks without this option, and a change of the setting is obeyed soon", async () => {
  const { queue, observer } = on(await server(...AOF_ALWAYS));
  expect(await queue.enqueue("t", 1)).toMatchObject({ durability: "memory" });
  await observer.configure("work", { durability: "fsynced" });
  await until(
    "the client obeys the new setting",
    async () => (await queue.enqueue("t", 1)).durability === "fsynced",
    5_000,
  );
  await observer.pause("work", "a reason with spaces");
  expect(await observer.stats("work")).toMatchObject({
    pauseReason: "a reason with spaces",
    settings: { durability: "fsynced", maxWaiting: 0 },
  });
  await observer.configure("work", { durability: "memory" });
  await until(
    "the client obeys the second change",
    async () => (await queue.enqueue("t", 1)).durability === "memory",
    5_000,
  );
});

test("many queues that wait for a replica share one more connection and few waits", async () => {
  const { client, primary } = await pair();
  const queues = Array.from({ length: 150 }, (_, n) => new Queue(`q${n}`, { redis: primary.url }));
  afterwards(() => Promise.all(queues.map((queue) => queue.close())));
  await Promise.all(queues.map((queue) => queue.ready()));
  const receipts = await Promise.all(
    queues.map((queue, n) => queue.enqueue("t", n, { durability: "replicated" })),
  );
  expect(receipts.every(({ durability }) => durability === "replicated")).toBe(true);
  const stats = await client.connection.command<string>("INFO", "commandstats");
  const waits = Number(/cmdstat_wait:calls=(\d+)/.exec(stats)?.[1]);
  expect(waits).toBeGreaterThan(0);
  // On an idle machine these are a few. If each queue waited by itself, they would be 150.
  expect(waits).toBeLessThan(75);
  const clients = await client.connection.command<string>("CLIENT", "LIST");
  expect(clients.match(/ name=holdfast-confirm /g)).toHaveLength(1);
  await Promise.all(queues.map((queue) => queue.close()));
  await until(
    "the further connection ends with the last queue",
    async () => !(await client.connection.command<string>("CLIENT", "LIST")).includes("holdfast-confirm"),
  );
});
