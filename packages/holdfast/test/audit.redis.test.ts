import { expect, test } from "vitest";
import { auditQueue } from "../src/engine/audit.ts";
import { setLimits } from "../src/engine/limits.ts";
import { findViolations } from "./support/invariants.ts";
import { replaceOnce } from "./support/replace-once.ts";
import { setup } from "./support/setup.ts";

async function oneOfEach() {
  const q = await setup();
  await q.add(["done", "running"]);
  await q.ack((await q.acquire(2)).grants[0] ?? { id: "", fence: "" });
  await q.addDead("dead");
  await q.add("cancelled");
  await q.engine.cancel("cancelled");
  await q.add("old", { expiresAt: 1 });
  await q.acquire(2);
  await q.add("later", { delayMs: 5 });
  await q.add("waiting");
  return q;
}

test("finds nothing in a queue with a task in every state", async () => {
  const q = await oneOfEach();
  expect(await auditQueue(q.engine)).toEqual({ queue: q.name, violations: [], repaired: 0 });
});

test.each(["processing", "scheduled", "deadLetters"] as const)(
  "finds an entry of %s without a record, and a repair removes this entry and no other",
  async (part) => {
    const q = await oneOfEach();
    await q.redis.zadd(q.keys[part], q.now, "ghost");
    const seen = await auditQueue(q.engine);
    expect(seen.repaired).toBe(0);
    expect(seen.violations).toContainEqual({ invariant: "I1", detail: expect.stringContaining("ghost") });
    expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(1);
    expect((await auditQueue(q.engine)).violations).toEqual([]);
  },
);

test.each(["completed", "cancelled", "expired"] as const)(
  "finds an id that is in %s twice or wrongly, and a repair leaves one entry",
  async (part) => {
    const q = await oneOfEach();
    const [own = ""] = await q.redis.lrange(q.keys[part], 0, -1);
    await q.redis.rpush(q.keys[part], own, "waiting");
    expect((await auditQueue(q.engine)).violations.length).toBeGreaterThanOrEqual(2);
    expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(2);
    expect(await q.redis.lrange(q.keys[part], 0, -1)).toEqual([own]);
  },
);

test("entries of the pending lists without a pending task are counted as tombstones", async () => {
  const q = await oneOfEach();
  await q.redis.lpush(q.keys.pending, "ghost", "waiting", "dead");
  expect((await auditQueue(q.engine)).violations).toMatchObject([{ invariant: "I1" }]);
  await auditQueue(q.engine, { repair: true });
  expect((await auditQueue(q.engine)).violations).toEqual([]);
  expect((await q.acquire(10)).grants.map(({ id }) => id)).toEqual(["waiting"]);
});

test("reads a whole index, window by window, and removes every wrong entry", async () => {
  const q = await setup();
  await q.add("waiting");
  const ghosts = Array.from({ length: 1_200 }, (_, i) => `ghost${i}`);
  await q.redis.rpush(q.keys.completed, ...ghosts);
  expect((await auditQueue(q.engine)).violations.length).toBeGreaterThanOrEqual(1_200);
  expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(1_200);
  expect(await q.redis.exists(q.keys.completed)).toBe(0);
});

test("finds envelopes that a purge left behind without index entries", async () => {
  const q = await setup();
  await q.add(["gone", "gone too"].map((id) => id.replaceAll(" ", "-")));
  await q.add("waiting");
  q.mutate = replaceOnce(
    "empty",
    "if #plan.removed > 0 then\n",
    "if #plan.removed > 0 then\nerror('cut short')\n",
  );
  await expect(q.engine.empty("pending", "pending", 2)).rejects.toThrow("cut short");
  q.mutate = undefined;
  // The entries in the list have no task any more, so `acquire` drops them without a trace.
  expect((await q.acquire(10)).grants.map(({ id }) => id)).toEqual(["waiting"]);
  expect(await q.redis.hexists(q.keys.tasks, "gone")).toBe(1);
  expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(2);
  expect(await q.redis.hexists(q.keys.tasks, "gone")).toBe(0);
  expect(await q.redis.hexists(q.keys.tasks, "gone-too")).toBe(0);
});

const queueOfHeaders = async (ids: string[]) => {
  const q = await setup();
  await q.add(ids, { payloadText: '"gone"', keepPayload: false });
  for (const grant of (await q.acquire(ids.length)).grants) await q.ack(grant);
  return q;
};

test("finds the envelope that is left by a settle that was aborted after its commit", async () => {
  const q = await setup();
  await q.add("a", { payloadText: '"gone"', keepPayload: false });
  const grant = await q.grant();
  q.mutate = replaceOnce(
    "settle",
    "if #moved > 0 then\nredis.call('HDEL'",
    "if #moved > 0 then\nerror('cut short')\nredis.call('HDEL'",
  );
  await expect(q.ack(grant)).rejects.toThrow("cut short");
  q.mutate = undefined;
  expect(await q.redis.hexists(q.keys.tasks, "a")).toBe(1);
  expect((await auditQueue(q.engine)).violations).toContainEqual({
    invariant: "I2",
    detail: "envelopes: counted 0, found 1",
  });
  expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(1);
  expect(await q.redis.hexists(q.keys.tasks, "a")).toBe(0);
  expect(await q.task("a")).toMatchObject({ state: "completed", payloadText: "" });
});

test("a repair corrects a wrong count of records with a header", async () => {
  const q = await queueOfHeaders(["a", "b", "c"]);
  const counters = await q.redis.hgetBuffer(q.keys.state, "#counters");
  // The last counter but one counts the completed tasks whose record contains the header of their envelope.
  counters?.writeDoubleBE(7, counters.length - 16);
  await q.redis.hset(q.keys.state, "#counters", counters ?? "");
  const seen = [
    { invariant: "I2", detail: "envelopes: counted -4, found 0" },
    { invariant: "I2", detail: "headers: counted 7, found 3" },
  ];
  expect((await auditQueue(q.engine)).violations).toEqual(seen);
  expect((await auditQueue(q.engine)).violations).toEqual(seen);
  expect(await auditQueue(q.engine, { repair: true })).toMatchObject({ violations: seen, repaired: 1 });
  expect((await auditQueue(q.engine)).violations).toEqual([]);
});

test("reports that a record with a header was lost, even after a repair", async () => {
  const q = await queueOfHeaders(["a", "b"]);
  q.corrupted = true;
  await q.redis.hdel(q.keys.state, "a");
  for (const repair of [false, true, false]) {
    expect((await auditQueue(q.engine, { repair })).violations.length).toBeGreaterThan(0);
    expect((await findViolations(q.redis, q.keys)).length).toBeGreaterThan(0);
  }
});

// A lost entry cannot be repaired, so both the audit and the checks of the tests have to report it.
test.each([
  "pending",
  "scheduled",
  "processing",
  "deadLetters",
  "completed",
  "cancelled",
  "expired",
] as const)("reports that an entry of %s is missing, with and without a repair", async (part) => {
  const q = await oneOfEach();
  q.corrupted = true;
  await q.redis.unlink(q.keys[part]);
  expect((await auditQueue(q.engine, { repair: true })).violations.length).toBeGreaterThan(0);
  expect((await auditQueue(q.engine)).violations.length).toBeGreaterThan(0);
  expect((await findViolations(q.redis, q.keys)).length).toBeGreaterThan(0);
});

test("reports that a task was lost (I2)", async () => {
  const q = await oneOfEach();
  q.corrupted = true;
  await q.redis.hdel(q.keys.tasks, "waiting");
  expect((await auditQueue(q.engine)).violations).toContainEqual({
    invariant: "I2",
    detail: expect.stringContaining("envelopes"),
  });
  expect((await findViolations(q.redis, q.keys)).length).toBeGreaterThan(0);
});

test("reports that the counters do not add up (I2)", async () => {
  const q = await oneOfEach();
  q.corrupted = true;
  const counters = await q.redis.hgetBuffer(q.keys.state, "#counters");
  // The fourth counter counts completed tasks.
  counters?.writeDoubleBE(7, 3 * 8);
  await q.redis.hset(q.keys.state, "#counters", counters ?? "");
  const invariants = (await auditQueue(q.engine)).violations.map(({ invariant }) => invariant);
  expect(new Set(invariants)).toEqual(new Set(["I1", "I2"]));
  expect((await findViolations(q.redis, q.keys)).length).toBeGreaterThan(0);
});

test("a queue written by a newer layout is not repaired", async () => {
  const q = await oneOfEach();
  q.corrupted = true;
  await q.redis.zadd(q.keys.deadLetters, 1, "ghost");
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  await expect(auditQueue(q.engine, { repair: true })).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.zscore(q.keys.deadLetters, "ghost")).toBe("1");
});

test("finds a wrong count of the running tasks of a key, and a repair corrects it, so that the key runs again", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { concurrency: 2 } });
  await q.add(["a1", "a2", "a3"], { key: "a" });
  await q.add(["b1"], { key: "b" });
  expect((await q.acquire(2)).grants).toHaveLength(2);
  expect((await auditQueue(q.engine)).violations).toEqual([]);
  // For each of these keys, the queue counts one running task too many.
  for (const [key, running] of [
    ["a", 2],
    ["b", 2],
  ] as const) {
    const account = (await q.redis.hget(q.keys.state, `@${key}`)) ?? "0 0 0 0";
    await q.redis.hset(q.keys.state, `@${key}`, account.replace(/^\d+/, String(running)));
    await q.redis.zrem(q.keys.ready, key);
  }
  const seen = [
    { invariant: "I15", detail: "key a: counted 2 running, found 1" },
    { invariant: "I15", detail: "key b: counted 2 running, found 1" },
  ];
  const { violations } = await auditQueue(q.engine);
  expect(violations.sort((x, y) => (x.detail < y.detail ? -1 : 1))).toEqual(seen);
  expect((await auditQueue(q.engine, { repair: true })).repaired).toBe(2);
  expect((await auditQueue(q.engine)).violations).toEqual([]);
  expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["a2"]);
  expect(await findViolations(q.redis, q.keys)).toEqual([]);
});
