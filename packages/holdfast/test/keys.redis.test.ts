// Tests of the scripts for keys and limits. The file has more than 500 lines, because the mutants of keys and limits
// (script copies with one error) are tested with all of it, and a split would run the same set-up for each part.
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { changeKey, readKeys, setLimits } from "../src/engine/limits.ts";
import { limitsScript } from "../src/redis/generated/index.ts";
import { findViolations } from "./support/invariants.ts";
import { afterwards } from "./support/library.ts";
import { redisUrl, setup } from "./support/setup.ts";
import { LEASE_MS, type TestQueue, typesText } from "./support/test-queue.ts";

const ids = (grants: { id: string }[]) => grants.map(({ id }) => id).join(" ");

/** Adds tasks that are named after their key: a1, a2, a3 for key "a". */
async function addKeyed(q: TestQueue, key: string, count: number, from = 1): Promise<void> {
  await q.add(
    Array.from({ length: count }, (_, n) => `${key}${n + from}`),
    { key },
  );
}

async function taken(q: TestQueue, want: number): Promise<string> {
  return ids((await q.acquire(want)).grants);
}

const check = async (q: TestQueue) => expect(await findViolations(q.redis, q.keys)).toEqual([]);

describe("keys take turns", () => {
  test("each key has its own line, and a later key does not wait for the line of another key", async () => {
    const q = await setup();
    await addKeyed(q, "a", 5);
    await addKeyed(q, "b", 2);
    expect(await taken(q, 4)).toBe("a1 b1 a2 b2");
    expect(await taken(q, 4)).toBe("a3 a4 a5");
    await check(q);
  });

  test("tasks without a key have a line of their own", async () => {
    const q = await setup();
    await q.add(["x1", "x2", "x3"]);
    await addKeyed(q, "a", 3);
    expect(await taken(q, 6)).toBe("x1 a1 x2 a2 x3 a3");
    await check(q);
  });

  test("a key that was idle gets no turns that it did not use", async () => {
    const q = await setup();
    await addKeyed(q, "a", 20);
    expect(await taken(q, 10)).toBe("a1 a2 a3 a4 a5 a6 a7 a8 a9 a10");
    await addKeyed(q, "b", 20);
    const next = (await taken(q, 6)).split(" ");
    expect(next.filter((id) => id.startsWith("b"))).toHaveLength(3);
  });

  test("turns are shared by weight, and a changed weight applies to waiting tasks", async () => {
    const q = await setup();
    await addKeyed(q, "a", 100);
    await addKeyed(q, "b", 100);
    await changeKey(q.engine, { key: "b" }, { limit: { weight: 3 } });
    const first = (await taken(q, 40)).split(" ");
    expect(first.filter((id) => id.startsWith("b"))).toHaveLength(30);
    expect(first.slice(0, 8).filter((id) => id.startsWith("b"))).toHaveLength(6);
    const single = [];
    for (let n = 0; n < 8; n++) single.push(await taken(q, 1));
    expect(single.filter((id) => id.startsWith("b"))).toHaveLength(6);
    await changeKey(q.engine, { key: "b" }, { limit: null });
    const second = (await taken(q, 40)).split(" ");
    expect(Math.abs(second.filter((id) => id.startsWith("b")).length - 20)).toBeLessThanOrEqual(1);
    await check(q);
  });

  test("the turns are the same if tasks are granted one at a time", async () => {
    const q = await setup();
    await addKeyed(q, "a", 3);
    await addKeyed(q, "b", 3);
    const order = [];
    for (let n = 0; n < 6; n++) order.push(await taken(q, 1));
    expect(order.join(" ")).toBe("a1 b1 a2 b2 a3 b3");
    await check(q);
  });

  test("keys take turns only within a priority, and each priority keeps its share", async () => {
    const q = await setup();
    await q.add(
      Array.from({ length: 40 }, (_, n) => `h${n}`),
      { key: "a", priority: "high" },
    );
    await q.add(["l1"], { key: "b", priority: "low" });
    expect((await taken(q, 16)).split(" ")).toContain("l1");
    await q.add(["a-low"], { key: "c", priority: "low" });
    await q.add(["a-high"], { key: "c", priority: "high" });
    expect(await taken(q, 40)).toContain("a-high");
    expect(await taken(q, 40)).toBe("a-low");
    await check(q);
  });
});

describe("a limit of running tasks per key", () => {
  test("holds back only the tasks of a full key, and the call that ends a task starts the next task of its key", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 2 } });
    await addKeyed(q, "a", 5);
    const { grants } = await q.acquire(10);
    expect(ids(grants)).toBe("a1 a2");
    await addKeyed(q, "b", 1);
    expect(await taken(q, 10)).toBe("b1");
    const first = grants[0] as { id: string; fence: string };
    const trip = await q.engine.settle(
      [{ kind: "ack", id: first.id, fence: first.fence }],
      q.roundTripArgs({ want: 5 }),
    );
    expect(ids(trip.grants)).toBe("a3");
    await check(q);
  });

  test("a crash frees the slot with the lease, never before", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    await addKeyed(q, "a", 2);
    await q.grant();
    q.advance(LEASE_MS - 1);
    expect(await taken(q, 1)).toBe("");
    q.advance(2);
    await q.engine.reap(10);
    await check(q);
    // The task that crashed is granted before the other tasks of its key.
    expect(await taken(q, 1)).toBe("a1");
    await check(q);
  });

  test("a crash that ends a task lets the next one of its key start", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    await q.add("a1", { key: "a", maxRetries: 0 });
    await addKeyed(q, "a", 1, 2);
    await q.grant();
    expect(await q.crash()).toMatchObject({ dead: 1 });
    await check(q);
    expect(await taken(q, 5)).toBe("a2");
  });

  test("a lowered limit ends no running task, and a raised limit starts waiting tasks", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 4 } });
    await addKeyed(q, "a", 10);
    const { grants } = await q.acquire(10);
    await setLimits(q.engine, { key: { concurrency: 2 } });
    for (const grant of grants.slice(0, 2)) await q.ack(grant);
    expect(await taken(q, 5)).toBe("");
    await q.ack(grants[2] as { id: string; fence: string });
    expect(await taken(q, 5)).toBe("a5");
    await setLimits(q.engine, { key: { concurrency: 5 } });
    expect(await taken(q, 5)).toBe("a6 a7 a8");
    await check(q);
  });

  test("a limit of one key replaces the limit of all keys, and ends at its time", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    await changeKey(q.engine, { key: "a" }, { limit: { concurrency: 3 }, lastsMs: 1_000 });
    await addKeyed(q, "a", 9);
    await addKeyed(q, "b", 9);
    expect((await taken(q, 9)).split(" ").sort().join(" ")).toBe("a1 a2 a3 b1");
    q.advance(1_001);
    expect(await taken(q, 9)).toBe("");
    expect((await readKeys(q.engine, { limit: 10 })).keys).toMatchObject([
      { key: "a", waiting: 6, running: 3, limit: null, blockedBy: "concurrency" },
      { key: "b", waiting: 8, running: 1, blockedBy: "concurrency" },
    ]);
    await check(q);
  });
});

describe("a rate per key", () => {
  test("tasks start evenly with a burst of 1, and otherwise as many at once as the burst says", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 10, periodMs: 1_000 } } });
    await addKeyed(q, "a", 50);
    const starts: number[] = [];
    for (let ms = 0; ms < 2_000; ms++) {
      starts.push(...(await q.acquire(10)).grants.map(() => q.now));
      q.advance(1);
    }
    expect(starts.length).toBeGreaterThanOrEqual(20);
    for (const from of starts)
      expect(starts.filter((at) => at >= from && at < from + 1_000).length).toBeLessThanOrEqual(11);
    await check(q);
    const r = await setup();
    await setLimits(r.engine, { key: { rate: { limit: 10, periodMs: 1_000, burst: 5 } } });
    await addKeyed(r, "a", 50);
    expect(await taken(r, 50)).toBe("a1 a2 a3 a4 a5");
    await check(r);
  });

  test("the reply to a worker says when the next task may start, and the task starts then", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 1, periodMs: 30_000 } } });
    await addKeyed(q, "a", 2);
    expect(await taken(q, 5)).toBe("a1");
    const { dueInMs, grants, parked } = await q.acquire(5, { park: true });
    expect(grants).toEqual([]);
    expect(parked).toBe(true);
    expect(dueInMs).toBeGreaterThan(1_000);
    q.advance(dueInMs - 1);
    expect(await taken(q, 5)).toBe("");
    q.advance(1);
    expect(await taken(q, 5)).toBe("a2");
    await check(q);
  });

  test("a cost takes more of the rate, and a cheaper task does not overtake the head of the line", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 10, periodMs: 1_000, burst: 10 } } });
    await q.add(["c8"], { key: "a", cost: 8 });
    await q.add(["c5"], { key: "a", cost: 5 });
    await q.add(["c1"], { key: "a" });
    expect(await taken(q, 5)).toBe("c8");
    expect(await taken(q, 5)).toBe("");
    q.advance(300);
    expect(await taken(q, 5)).toBe("c5");
    await check(q);
  });

  test("a rate that was removed delays no task, whatever its cost", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 1, periodMs: 60_000 } } });
    await addKeyed(q, "a", 1);
    expect(await taken(q, 5)).toBe("a1");
    await setLimits(q.engine, {});
    await q.add(["a2"], { key: "a", cost: 5 });
    expect(await taken(q, 5)).toBe("a2");
    await check(q);
  });

  test("a task that was not begun gives its rate back", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 1, periodMs: 10_000 } } });
    await addKeyed(q, "a", 2);
    const grant = await q.grant();
    await q.settle([{ kind: "unstarted", id: grant.id, fence: grant.fence }]);
    expect(await taken(q, 5)).toBe("a1");
    await check(q);
  });

  test("an account with only default values is deleted", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 1, periodMs: 1_000 } } });
    for (const key of ["a", "b", "c"]) await addKeyed(q, key, 1);
    for (const grant of (await q.acquire(9)).grants) await q.ack(grant);
    expect((await q.redis.hkeys(q.keys.state)).filter((field) => /^@./.test(field))).toHaveLength(3);
    q.advance(1_001);
    await q.engine.promote(10);
    expect((await q.redis.hkeys(q.keys.state)).filter((field) => /^@./.test(field))).toEqual([]);
    expect(await q.redis.zcard(q.keys.ready)).toBe(0);
    expect(await q.redis.zcard(q.keys.resting)).toBe(0);
  });
});

describe("limits of the queue", () => {
  test("count all tasks, with and without a key", async () => {
    const q = await setup();
    await setLimits(q.engine, { queue: { concurrency: 3 } });
    await q.add(["x1", "x2"]);
    await addKeyed(q, "a", 3);
    const { grants } = await q.acquire(10);
    expect(ids(grants)).toBe("x1 a1 x2");
    expect(await taken(q, 10)).toBe("");
    const first = grants[0] as { id: string; fence: string };
    const trip = await q.engine.settle(
      [{ kind: "ack", id: first.id, fence: first.fence }],
      q.roundTripArgs({ want: 5 }),
    );
    expect(ids(trip.grants)).toBe("a2");
    await check(q);
  });

  test("apply to a waiting worker: an enqueue does not grant it more tasks than they allow", async () => {
    const q = await setup();
    await setLimits(q.engine, { queue: { concurrency: 1 } });
    await q.add("x1");
    await q.grant();
    const subscriber = new Redis(redisUrl());
    afterwards(async () => subscriber.disconnect());
    await subscriber.ssubscribe(`${q.keys.wake}:w1`);
    expect((await q.acquire(1, { park: true })).parked).toBe(true);
    await q.add("x2");
    expect(await q.task("x2")).toMatchObject({ state: "pending" });
  });

  test("with a rate of the queue and a rate of the key, neither is used if the other refuses", async () => {
    const q = await setup();
    await setLimits(q.engine, {
      queue: { rate: { limit: 4, periodMs: 1_000, burst: 4 } },
      key: { rate: { limit: 1, periodMs: 1_000 } },
    });
    await addKeyed(q, "a", 3);
    await q.add(["x1", "x2", "x3", "x4"]);
    expect((await taken(q, 10)).split(" ").sort().join(" ")).toBe("a1 x1 x2 x3");
    expect(await taken(q, 10)).toBe("");
    q.advance(1_000);
    expect((await taken(q, 10)).split(" ").sort().join(" ")).toBe("a2 x4");
    await check(q);
  });
});

describe("a hold", () => {
  test("lets no task of the key start for the given time, and other keys continue", async () => {
    const q = await setup();
    await addKeyed(q, "a", 2);
    await addKeyed(q, "b", 1);
    await changeKey(q.engine, { key: "a" }, { holdMs: 2_000 });
    expect(await taken(q, 5)).toBe("b1");
    expect((await readKeys(q.engine, { keys: ["a"] })).keys).toMatchObject([
      { key: "a", waiting: 2, blockedBy: "hold", nextAt: q.now + 2_000, heldUntil: q.now + 2_000 },
    ]);
    await check(q);
    q.advance(2_000);
    expect(await taken(q, 5)).toBe("a1 a2");
    await changeKey(q.engine, { key: "b" }, { holdMs: 60_000 });
    await addKeyed(q, "b", 1, 2);
    expect(await taken(q, 5)).toBe("");
    await changeKey(q.engine, { key: "b" }, { holdMs: 0 });
    expect(await taken(q, 5)).toBe("b2");
    await check(q);
  });

  test("for a shorter time does not end a longer hold", async () => {
    const q = await setup();
    await addKeyed(q, "a", 2);
    const { grants } = await q.acquire(2);
    for (const [at, { id, fence }] of grants.entries()) {
      const delayMs = at === 0 ? 5_000 : 1_000;
      await q.settle([{ kind: "limited", id, fence, delayMs, scope: "key" }]);
    }
    q.advance(4_999);
    expect(await taken(q, 5)).toBe("");
    q.advance(1);
    expect(await taken(q, 5)).toBe("a2 a1");
  });

  test("by a handler that met a rate limit costs no attempt, and the task is the next of its key", async () => {
    const q = await setup();
    await addKeyed(q, "a", 2);
    const grant = await q.grant();
    expect(
      await q.settle([{ kind: "limited", id: grant.id, fence: grant.fence, delayMs: 2_000, scope: "key" }]),
    ).toEqual(["released"]);
    expect(await q.task("a1")).toMatchObject({ state: "pending", attempts: 0 });
    expect(await taken(q, 5)).toBe("");
    q.advance(2_000);
    expect(await taken(q, 5)).toBe("a1 a2");
    await check(q);
  });

  test("of the queue stops all its tasks, and a task that is handed back more than 100 times dies", async () => {
    const q = await setup();
    await q.add(["x1", "x2"]);
    for (let n = 0; n < 101; n++) {
      const grant = await q.grant();
      const verdict = {
        kind: "limited",
        id: grant.id,
        fence: grant.fence,
        delayMs: 10,
        scope: "queue",
      } as const;
      expect(await q.settle([verdict])).toEqual([n < 100 ? "released" : "dead"]);
      expect(await taken(q, 5)).toBe("");
      q.advance(10);
    }
    expect(await q.task("x1")).toMatchObject({ state: "dead", deadReason: "rate_limited_too_often" });
    expect(await taken(q, 5)).toBe("x2");
    await check(q);
  });
});

describe("every transition of a task with a key", () => {
  test("after a retry, replay, cancel, expire or empty, its key has the right counts and its line has the right tasks", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    await addKeyed(q, "a", 2);
    expect(await q.fail(await q.grant())).toBe("retried");
    await check(q);
    expect(await q.fail(await q.grant(), "Error: no", 500)).toBe("retried");
    await check(q);
    expect(await q.fatal(await q.grant())).toBe("dead");
    await check(q);
    q.advance(500);
    const again = await q.grant();
    expect(again.id).toBe("a2");
    await q.engine.replay(["a1", ""]);
    await check(q);
    await q.engine.cancel("a2");
    expect(await q.fail(again)).toBe("cancelled");
    await check(q);
    expect(await q.engine.cancel("a1")).toBe("cancelled");
    expect(await q.stats()).toMatchObject({ pending: 0, pendingKeyed: 0 });
    await q.add("a3", { key: "a", expiresAt: q.now + 10 });
    q.advance(20);
    expect(await q.engine.expire(10)).toMatchObject({ expired: 1 });
    await check(q);
    await addKeyed(q, "a", 3, 4);
    expect(await q.engine.empty("pendingKeyed", "pending", 10)).toMatchObject({ removed: 3 });
    await check(q);
    expect(await taken(q, 5)).toBe("");
    expect(await q.redis.zcard(q.keys.ready)).toBe(0);
  });

  test("cancelled tasks do not count as waiting, whoever removes their entries", async () => {
    const q = await setup();
    const removals = [
      () => taken(q, 5),
      () => q.engine.expire(10),
      () => q.engine.empty("pendingKeyed", "pending", 10),
    ];
    for (const remove of removals) {
      await addKeyed(q, "a", 1);
      await q.engine.cancel("a1");
      expect(await q.stats()).toMatchObject({ pending: 0, pendingKeyed: 0 });
      await remove();
      await q.add("k2", { key: "a" });
      expect(await q.stats()).toMatchObject({ pending: 1, pendingKeyed: 1 });
      await q.engine.cancel("k2");
      await taken(q, 5);
      await q.engine.empty("cancelled", "cancelled", 10);
    }
  });

  test("the account of a key without a rate is deleted with its last task", async () => {
    const q = await setup();
    await addKeyed(q, "a", 1);
    await q.ack(await q.grant());
    expect(await q.redis.hkeys(q.keys.state)).not.toContain("@a");
    expect(await q.redis.zcard(q.keys.resting)).toBe(0);
  });

  test("a scheduled task joins its line when it is due, even if it is due at once", async () => {
    const q = await setup();
    await q.add("a1", { key: "a", delayMs: 100 });
    await q.add("a2", { key: "a", runAt: q.now - 5 });
    expect(await taken(q, 5)).toBe("a2");
    q.advance(100);
    expect(await taken(q, 5)).toBe("a1");
    await check(q);
  });

  test("a worker that holds a task is not asked to call again for a task that has to run alone", async () => {
    const q = await setup();
    await addKeyed(q, "a", 2);
    for (let crash = 0; crash < 2; crash++) {
      expect(await taken(q, 1)).toBe("a1");
      await q.crash();
    }
    for (const want of [1, 5]) {
      const trips = [await q.acquire(want, { held: 1 }), await q.acquire(want, { held: 1, workerId: "w2" })];
      expect(trips.map(({ grants, makeRoom, again }) => [grants.length, makeRoom, again])).toEqual([
        [0, true, false],
        [0, false, false],
      ]);
    }
    expect(await taken(q, 5)).toBe("a1");
  });

  test("a task that crashed its workers twice runs alone, and counts for its key", async () => {
    const q = await setup();
    await addKeyed(q, "a", 2);
    for (let n = 0; n < 2; n++) {
      const grant = await q.grant();
      expect(grant.id).toBe("a1");
      await q.crash();
    }
    await q.add("x1");
    const trip = await q.acquire(5, { held: 1 });
    expect(trip.makeRoom).toBe(true);
    const alone = await q.acquire(5);
    expect(ids(alone.grants)).toBe("a1");
    expect(alone.solo).toBe(true);
    await check(q);
  });

  test("a task for which its worker has no handler is put aside, and goes back to its line while its key is full", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    await q.add("a1", { key: "a", type: "report" });
    await q.add("a2", { key: "a", type: "mail" });
    const mail = (await q.acquireTypes("mail", 1))[0] as { id: string; fence: string };
    expect(mail.id).toBe("a2");
    await check(q);
    expect((await q.acquire(1, { types: typesText("report") })).grants).toEqual([]);
    await check(q);
    expect(await q.stats()).toMatchObject({ pendingTyped: 0, pendingKeyed: 1 });
    await q.ack(mail);
    expect(ids(await q.acquireTypes("report", 1))).toBe("a1");
    await check(q);
  });

  test("a given id is found again, and its new life is in its line", async () => {
    const q = await setup();
    expect(await q.add("k1", { key: "a", fingerprint: "f" })).toBe("n");
    expect(await q.add("k1", { key: "a", fingerprint: "f" })).toBe("d");
    await q.engine.cancel("k1");
    expect(await q.add("k1", { key: "a", fingerprint: "f" })).toBe("n");
    expect(await taken(q, 5)).toBe("k1");
    await check(q);
  });
});

describe("no key that may run is forgotten", () => {
  test("if a task ends while the rate is used up, its key rests until it may run again", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 2, rate: { limit: 2, periodMs: 10_000, burst: 2 } } });
    await addKeyed(q, "a", 4);
    const { grants } = await q.acquire(5);
    expect(ids(grants)).toBe("a1 a2");
    await q.ack(grants[0] as { id: string; fence: string });
    await check(q);
    expect((await q.acquire(5, { park: true })).dueInMs).toBeLessThanOrEqual(5_000);
    q.advance(5_000);
    expect(await taken(q, 5)).toBe("a3");
    await check(q);
  });

  test("if the caller that raised a limit died, a promotion continues its work", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    for (const key of ["a", "b", "c"]) await addKeyed(q, key, 2);
    expect(await taken(q, 9)).toBe("a1 b1 c1");
    await q.engine.connection.script(limitsScript, q.keys, {
      clockMs: q.now,
      lines: "key 2 - 0 0 1",
    });
    expect(await taken(q, 9)).toBe("");
    await q.engine.promote(2);
    expect(await taken(q, 9)).toBe("a2 b2");
    await check(q);
    await q.engine.promote(2);
    expect(await taken(q, 9)).toBe("c2");
    expect(await q.redis.hexists(q.keys.state, "#opening")).toBe(0);
  });

  test("a task that is retried at once while its key is emptied in the same call is granted", async () => {
    const q = await setup();
    await addKeyed(q, "a", 2);
    const { id, fence } = await q.grant();
    const trip = await q.engine.settle(
      [{ kind: "fail", id, fence, delayMs: 0, error: "no" }],
      q.roundTripArgs({ want: 5 }),
    );
    expect(ids(trip.grants)).toBe("a2");
    await check(q);
    expect(await taken(q, 5)).toBe("a1");
  });

  test("a task whose cost its key refuses for now does not delay other keys", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 10, periodMs: 1_000, burst: 10 } } });
    await q.add(["c8", "c5"], { key: "a", cost: 8 });
    expect(await taken(q, 5)).toBe("c8");
    await q.add("d1", { key: "d" });
    await q.acquire(1);
    const trip = await q.acquire(1, { park: true });
    expect([trip.again, trip.parked]).toEqual([false, true]);
    expect(trip.dueInMs).toBeLessThanOrEqual(510);
    expect((await q.stats()).processing).toBe(2);
    q.advance(trip.dueInMs - 1);
    expect(await taken(q, 1)).toBe("");
    q.advance(1);
    expect(await taken(q, 1)).toBe("c5");
    await check(q);
  });

  test("a task whose cost the queue refuses for now does not make a worker ask again and again", async () => {
    const q = await setup();
    await setLimits(q.engine, { queue: { rate: { limit: 10, periodMs: 1_000, burst: 10 } } });
    await q.add(["c8", "c5"], { key: "a", cost: 8 });
    expect(await taken(q, 5)).toBe("c8");
    const trip = await q.acquire(1, { park: true });
    expect([trip.again, trip.parked]).toEqual([false, true]);
    q.advance(trip.dueInMs - 1);
    expect(await taken(q, 1)).toBe("");
    q.advance(1);
    expect(await taken(q, 1)).toBe("c5");
    await check(q);
  });

  test("a rate that is removed delays no task any more", async () => {
    const q = await setup();
    const rate = { limit: 1, periodMs: 60_000 };
    await setLimits(q.engine, { queue: { rate: { ...rate, burst: 2 } }, key: { rate } });
    await addKeyed(q, "a", 3);
    expect(await taken(q, 5)).toBe("a1");
    await setLimits(q.engine, {});
    expect(await taken(q, 5)).toBe("a2 a3");
    await check(q);
  });

  test("a task that was put aside uses the rate of its key, so later tasks have to wait", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { rate: { limit: 1, periodMs: 10_000 } } });
    await q.add("a1", { key: "a", type: "report" });
    await q.acquireTypes("mail", 1);
    expect(ids(await q.acquireTypes("report", 1))).toBe("a1");
    await addKeyed(q, "a", 1, 2);
    await check(q);
    q.advance(10_000);
    expect(await taken(q, 1)).toBe("a2");
  });

  test("a limit of a key that has ended is removed from the account when the key is looked at", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 1 } });
    await changeKey(q.engine, { key: "a" }, { limit: { concurrency: 3 }, lastsMs: 20_000 });
    await addKeyed(q, "a", 1);
    await taken(q, 1);
    q.advance(20_000);
    await addKeyed(q, "a", 1, 2);
    expect(await taken(q, 1)).toBe("");
    await check(q);
  });

  test("the end of a limit of one key is kept while the key is held", async () => {
    const q = await setup();
    await changeKey(q.engine, { key: "a" }, { limit: { concurrency: 1 }, lastsMs: 10_000 });
    await changeKey(q.engine, { key: "a" }, { holdMs: 1_000 });
    await addKeyed(q, "a", 3);
    q.advance(1_000);
    expect(await taken(q, 5)).toBe("a1");
    q.advance(8_000);
    expect(await taken(q, 5)).toBe("");
    q.advance(1_000);
    expect(await taken(q, 5)).toBe("a2 a3");
    await check(q);
  });

  test("a scheduled task gets a key with its next life, in a queue that had no keys", async () => {
    const q = await setup();
    await q.add("k1", { fingerprint: "f" });
    await q.engine.cancel("k1");
    expect(await q.add("k1", { key: "a", delayMs: 100, fingerprint: "f" })).toBe("n");
    q.advance(100);
    await taken(q, 5);
    expect(await q.task("k1")).toMatchObject({ state: "processing" });
    await check(q);
  });

  test("a key whose task always comes back before the next turn does not take the turn of another key", async () => {
    const q = await setup();
    await addKeyed(q, "b", 3);
    const order: string[] = [];
    for (let n = 1; n <= 6; n++) {
      await addKeyed(q, "a", 1, n);
      const grant = await q.grant();
      order.push(grant.id);
      await q.ack(grant);
    }
    expect(order.filter((id) => id.startsWith("b")).length).toBeGreaterThanOrEqual(2);
    await check(q);
  });
});

test("the counters and records of a version without keys are read", async () => {
  const q = await setup();
  await q.add("a", { fingerprint: "f" });
  const grant = await q.grant();
  expect((await q.engine.get(["a"]))[0]?.record).toMatch(/^l1,0,0,0,0,0,h /);
  const counters = await q.redis.hgetBuffer(q.keys.state, "#counters");
  await q.redis.hset(q.keys.state, "#counters", counters?.subarray(0, 208) ?? "");
  expect(await q.stats()).toMatchObject({ processing: 1, pendingKeyed: 0 });
  expect(await q.ack(grant)).toBe("acked");
  expect(await q.stats()).toMatchObject({ processing: 0, completed: 1 });
});

test("a costly task that its key refuses does not keep other keys from using the rest of the queue's rate", async () => {
  const q = await setup();
  const rate = (limit: number, burst: number) => ({ rate: { limit, periodMs: 1_000, burst } });
  await setLimits(q.engine, { queue: rate(10, 2), key: rate(1, 3) });
  await q.add(["first", "costly"], { key: "b", cost: 2 });
  expect((await q.grant()).id).toBe("first");
  await q.add("cheap", { key: "z" });
  // By now, the rate of the queue allows a cost of 1 again. The key of the costly task does not allow its cost yet.
  q.advance(20);
  // The call looks at only as many tasks as it may grant. It found none that may start, so its reply says that there
  // are more.
  const trip = await q.acquire(1, { held: 1 });
  expect([trip.grants.length, trip.again]).toEqual([0, true]);
  expect((await q.acquire(1, { held: 1 })).grants.map(({ id }) => id)).toEqual(["cheap"]);
});

test("if a call looked only at tasks that cost more than their keys allow, it says that there may be more tasks", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { rate: { limit: 10, periodMs: 1_000, burst: 3 } } });
  for (const key of ["b", "c"]) await q.add([`${key}1`, `${key}2`, `${key}3`], { key, cost: 3 });
  await q.add(["z1", "z2", "z3"], { key: "z" });
  for (let call = 0; call < 3; call++) await q.acquire(3, { held: 1 });
  expect((await q.stats()).processing).toBe(5);
  // By now, the rates of both keys allow a cost of 2, and it is their turn before the third key.
  q.advance(150);
  await q.add("z4", { key: "z" });
  const trip = await q.acquire(4, { held: 1 });
  expect([trip.grants.length, trip.again]).toEqual([0, true]);
  expect((await q.acquire(4, { held: 1 })).grants.map(({ id }) => id)).toEqual(["z4"]);
});
