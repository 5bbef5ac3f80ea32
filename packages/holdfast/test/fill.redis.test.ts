import { describe, expect, test } from "vitest";
import { changeTasks } from "../src/engine/change.ts";
import { setLimits } from "../src/engine/limits.ts";
import type { Grant } from "../src/engine/round-trip.ts";
import { findViolations } from "./support/invariants.ts";
import { setup } from "./support/setup.ts";
import type { AddOptions, TestQueue } from "./support/test-queue.ts";

const WAIT_MS = 1_000;
const ids = (grants: { id: string }[]) => grants.map(({ id }) => id);
/**
 * Returns the types that a worker sends. The worker runs "row" in batches of 3, and "mail" one by one. A batch waits
 * until it is full.
 */
const batches = (most = 3, fill = 3) => `row=0/${most}/${fill}/${WAIT_MS} mail`;

/** Acquires until the queue has nothing more to offer, like a worker that was woken. */
const taken = (q: TestQueue, want = 10, types = batches()) => q.acquireTypes(types, want);

const park = (q: TestQueue, types = batches()) =>
  q.engine.acquire({ ...q.roundTripArgs({ want: 10, types: ` ${types}` }), park: true });

const isParked = async (q: TestQueue) => (await q.redis.hexists(q.keys.state, "#parked")) === 1;

const row = { type: "row" };

describe("a batch that waits until it is full", () => {
  test("is not granted while it has room; its tasks are pending, and the reply says when to ask again", async () => {
    const q = await setup();
    await q.add(["a", "b"], row);
    q.advance(100);
    const [first, second] = [await park(q), await park(q)];
    expect(first).toMatchObject({ grants: [], again: true, parked: false });
    expect(second).toMatchObject({ grants: [], again: false, parked: true, dueInMs: WAIT_MS - 100 });
    expect(await q.stats()).toMatchObject({ pending: 2, pendingTyped: 2, processing: 0 });
    expect(await q.task("a")).toMatchObject({ state: "pending", attempts: 0 });
  });

  test("is granted when it is full, in the order of its tasks, each with its first attempt", async () => {
    const q = await setup();
    await q.add("a", row);
    expect(await taken(q)).toEqual([]);
    await q.add(["b", "c"], row);
    const grants = await taken(q);
    expect(ids(grants)).toEqual(["a", "b", "c"]);
    expect(grants.every(({ past }) => past.attempt === 1 && past.fresh)).toBe(true);
    expect(await q.stats()).toMatchObject({ pending: 0, pendingTyped: 0, processing: 3 });
    expect((await q.task("a")).unroutedSince).toBeNull();
    expect(await findViolations(q.redis, q.keys)).toEqual([]);
  });

  test("is granted when its oldest task has waited for waitMs, and not 1 ms before", async () => {
    const q = await setup();
    await q.add("a", row);
    q.advance(400);
    await q.add("b", row);
    expect(await taken(q)).toEqual([]);
    q.advance(WAIT_MS - 401);
    expect(await taken(q)).toEqual([]);
    q.advance(1);
    expect(ids(await taken(q))).toEqual(["a", "b"]);
  });

  test("does not delay tasks of other types or of other workers", async () => {
    const q = await setup();
    await q.add("a", row);
    await q.add("m", { type: "mail" });
    expect(ids(await taken(q))).toEqual(["m"]);
    expect(ids(await q.acquireTypes("row", 5, { workerId: "w2" }))).toEqual(["a"]);
  });

  test("has no more tasks than the worker takes, and the other tasks wait", async () => {
    const q = await setup();
    await q.add(["a", "b", "c", "d", "e"], row);
    expect(ids(await taken(q, 3))).toEqual(["a", "b", "c"]);
    expect(await taken(q)).toEqual([]);
    expect(await q.stats()).toMatchObject({ pending: 2, processing: 3 });
  });

  test("has no more tasks than the worker takes if they were put aside, and the reply does not ask for another call", async () => {
    const q = await setup();
    await q.add(["a", "b", "c", "d", "e"], row);
    expect(await taken(q, 1, "mail")).toEqual([]);
    const trip = await q.acquire(4, { types: ` ${batches(3, 2)}` });
    expect([ids(trip.grants), trip.again]).toEqual([["a", "b", "c"], false]);
    expect(ids(await taken(q, 4, batches(3, 2)))).toEqual(["d", "e"]);
  });

  test.each([
    ["of high priority", { priority: "high" as const }],
    ["that would expire before", { expiresAt: 0 }],
  ])("a task %s ends the wait", async (_, options) => {
    const q = await setup();
    await q.add("a", row);
    expect(await taken(q)).toEqual([]);
    await q.add("b", { ...row, ...options, ...("expiresAt" in options ? { expiresAt: q.now + 500 } : {}) });
    expect(ids(await taken(q)).toSorted()).toEqual(["a", "b"]);
  });

  test("a task that expires later waits until there is time to run it", async () => {
    const q = await setup();
    await q.add("a", { ...row, expiresAt: q.now + 2 * WAIT_MS - 300 });
    expect(await taken(q)).toEqual([]);
    expect(await park(q)).toMatchObject({ parked: true, dueInMs: WAIT_MS - 300 });
  });

  test("a retry, a task that was handed back and a task that crashed its worker end the wait", async () => {
    for (const before of ["fail", "release", "crash"] as const) {
      const q = await setup();
      await q.add("a", row);
      const grant = await q.grant();
      if (before === "crash") await q.crash();
      else await q[before](grant);
      expect([before, ids(await taken(q))]).toEqual([before, ["a"]]);
    }
  });

  test("a task that was delayed waits from the time at which it was due", async () => {
    const q = await setup();
    await q.add("d", { ...row, delayMs: 5_000 });
    q.advance(5_001);
    expect(await taken(q)).toEqual([]);
    expect(await park(q)).toMatchObject({ parked: true, dueInMs: WAIT_MS });
    q.advance(WAIT_MS);
    expect(ids(await taken(q))).toEqual(["d"]);
  });

  test("does not wait longer if the clock of a producer is ahead", async () => {
    const q = await setup();
    q.advance(60_000);
    await q.add("a", row);
    q.advance(-60_000);
    expect(await taken(q)).toEqual([]);
    q.advance(WAIT_MS);
    expect(ids(await taken(q))).toEqual(["a"]);
  });

  test("is not filled by a cancelled task", async () => {
    const q = await setup();
    await q.add(["a", "b", "c"], row);
    await q.engine.cancel("b");
    expect(await taken(q)).toEqual([]);
    await q.add("d", row);
    expect(ids(await taken(q))).toEqual(["a", "c", "d"]);
  });

  test("is filled by all types of a prefix together", async () => {
    const q = await setup();
    await q.add("a", { type: "row.x" });
    await q.add(["b", "c"], { type: "row.y" });
    expect(ids(await taken(q, 10, `row.*=0/3/3/${WAIT_MS}`))).toEqual(["a", "b", "c"]);
  });

  test("tasks with a key wait too, and the limit of the key holds", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 2 } });
    await q.add(["a", "b"], { ...row, key: "k" });
    expect(await taken(q)).toEqual([]);
    await q.add(["c", "d"], { ...row, key: "k" });
    expect(await taken(q)).toHaveLength(2);
    expect(await q.stats()).toMatchObject({ processing: 2, pending: 2 });
    expect(await findViolations(q.redis, q.keys)).toEqual([]);
  });

  describe.each([
    ["", batches()],
    [" by key", `row=0/6/3/${WAIT_MS}k mail`],
  ])("under a limit%s", (_, types) => {
    test.each([
      ["the queue", { queue: { concurrency: 2 } }],
      ["its type", { types: { row: { concurrency: 2 } } }],
    ])("a full batch gives the part for which the limit of %s has room", async (_, limits) => {
      const q = await setup();
      await setLimits(q.engine, limits);
      await q.add(["a", "b"], row);
      expect(await taken(q, 10, types)).toEqual([]);
      await q.add("c", row);
      expect(await taken(q, 10, "mail")).toEqual([]);
      expect(ids(await taken(q, 10, types))).toEqual(["a", "b"]);
      expect(await taken(q, 10, types)).toEqual([]);
    });
  });

  test("a delayed task that waited for a limit of its type does not wait for a full batch again", async () => {
    const q = await setup();
    await setLimits(q.engine, { types: { row: { concurrency: 2 } } });
    await q.add(["a", "b", "c"], { ...row, delayMs: 5_000 });
    q.advance(5_001);
    const [a] = await taken(q);
    await q.ack(a as Grant);
    q.advance(WAIT_MS);
    expect(ids(await taken(q))).toEqual(["c"]);
  });

  test("is not hidden by the tasks of other batches, and these do not hide other tasks", async () => {
    const q = await setup();
    const types = `row=0/10/10/${WAIT_MS} doc=0/10/10/${WAIT_MS} mail`;
    const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`);
    await q.add(names("row", 9), row);
    await q.add(names("doc", 9), { type: "doc" });
    expect(await taken(q, 10, types)).toEqual([]);
    await q.add("m", { type: "mail" });
    expect(ids(await taken(q, 10, types))).toEqual(["m"]);
    await q.add("doc9", { type: "doc" });
    expect(ids(await taken(q, 10, types))).toEqual(names("doc", 10));
  });

  describe("by key", () => {
    const byKey = (most = 6, fill = 3) => `row=0/${most}/${fill}/${WAIT_MS}k mail`;
    const add = (q: TestQueue, key: string | null, some: string[]) =>
      q.add(some, { ...row, ...(key === null ? {} : { key }) });
    /** Acquires until the queue has nothing more to offer. Returns the ids of all granted tasks. */
    const all = async (q: TestQueue, want = 10, types = byKey()) => {
      const got: string[] = [];
      for (;;) {
        const reply = await q.engine.acquire({
          ...q.roundTripArgs({ want, types: ` ${types}` }),
          park: true,
        });
        got.push(...ids(reply.grants));
        if (!reply.again && reply.grants.length === 0) return got;
      }
    };

    test("each key waits until it has a full batch of its own, and the tasks without a key wait for each other", async () => {
      const q = await setup();
      await add(q, "a", ["a1", "a2"]);
      await add(q, "b", ["b1", "b2"]);
      await add(q, null, ["n1", "n2"]);
      expect(await all(q)).toEqual([]);
      expect(await q.stats()).toMatchObject({ pending: 6, pendingTyped: 6, processing: 0 });
      await add(q, "b", ["b3"]);
      expect(await all(q)).toEqual(["b1", "b2", "b3"]);
      await add(q, null, ["n3"]);
      expect(await all(q)).toEqual(["n1", "n2", "n3"]);
      expect(await findViolations(q.redis, q.keys)).toEqual([]);
    });

    test("a key whose oldest task has waited for long enough goes alone", async () => {
      const q = await setup();
      await add(q, "a", ["a1"]);
      q.advance(400);
      await add(q, "b", ["b1", "b2"]);
      expect(await all(q)).toEqual([]);
      q.advance(WAIT_MS - 400);
      expect(await all(q)).toEqual(["a1"]);
      expect(await park(q, byKey())).toMatchObject({ parked: true, dueInMs: 400 });
      q.advance(400);
      expect(await all(q)).toEqual(["b1", "b2"]);
    });

    test("a worker with room for one batch takes no part of a second one", async () => {
      const q = await setup();
      await add(q, "a", ["a1", "a2"]);
      await add(q, "b", ["b1", "b2"]);
      await add(q, "a", ["a3"]);
      await add(q, "b", ["b3"]);
      const { grants } = await q.acquire(5, { types: ` ${byKey(5)}` });
      expect(ids(grants)).toEqual(["a1", "a2", "a3"]);
      expect(ids(await taken(q, 5, byKey(5)))).toEqual(["b1", "b2", "b3"]);
    });

    test("a change that fills a batch, or ends its wait, wakes the worker", async () => {
      for (const what of [{ key: "k" }, { priority: "high" as const }]) {
        const q = await setup();
        await add(q, "k", ["a", "b"]);
        await add(q, null, ["c"]);
        expect(await all(q)).toEqual([]);
        expect(await isParked(q)).toBe(true);
        await changeTasks(q.engine, ["c"], what);
        expect(await isParked(q)).toBe(false);
        expect((await all(q)).toSorted()).toEqual("key" in what ? ["a", "b", "c"] : ["c"]);
      }
    });

    test("a call looks at a bounded number of tasks, whatever the number of types of a prefix", async () => {
      const q = await setup();
      const of = (n: number) => Array.from({ length: 450 }, (_, at) => `${n}-${at}`);
      for (let n = 0; n < 20; n++) await q.add(of(n), { type: `row.${n}` });
      expect(await taken(q, 500, "mail")).toEqual([]);
      const grants = taken(q, 50, `row.*=0/50/50/${WAIT_MS}k`).then(ids);
      await expect(grants).resolves.toEqual(of(0).slice(0, 50));
    });

    test("finds a full batch behind the tasks of many other keys, and these do not hide tasks of other types", async () => {
      const q = await setup();
      for (let n = 0; n < 20; n++) await add(q, `k${n}`, [`other-${n}`]);
      await add(q, "full", ["f1", "f2"]);
      expect(await all(q, 3)).toEqual([]);
      await q.add("m", { type: "mail" });
      await add(q, "full", ["f3"]);
      expect((await all(q, 4)).toSorted()).toEqual(["f1", "f2", "f3", "m"]);
      expect(await q.stats()).toMatchObject({ pending: 20, pendingTyped: 20, processing: 4 });
    });
  });

  test.each([
    ["priority", { priority: "high" as const }],
    ["expiry", { expiresAt: 1 }],
  ])("a replacement with another %s ends the wait, and wakes the worker", async (_, options) => {
    const q = await setup();
    const replace = (id: string, rest: AddOptions = {}) =>
      q.add(id, { ...row, unique: { key: "u", onConflict: "replace" }, ...rest });
    await replace("a");
    expect(await taken(q)).toEqual([]);
    expect(await park(q)).toMatchObject({ parked: true });
    await replace("b", "expiresAt" in options ? { expiresAt: q.now + WAIT_MS } : options);
    expect(await isParked(q)).toBe(false);
    expect(ids(await taken(q))).toEqual(["a"]);
  });

  test("an enqueue wakes its worker, but pushes no task", async () => {
    const q = await setup();
    await park(q);
    await q.add(["a"], row);
    expect(await q.stats()).toMatchObject({ pending: 1, processing: 0 });
    expect(await isParked(q)).toBe(false);
  });

  test("is not granted early by a settle either", async () => {
    const q = await setup();
    await q.add(["m"], { type: "mail" });
    const grant = await q.grant();
    await q.add(["a", "b"], row);
    const verdict = { kind: "ack" as const, id: grant.id, fence: grant.fence };
    const args = () => q.roundTripArgs({ want: 5, types: ` ${batches()}` });
    expect((await q.engine.settle([verdict], args())).grants).toEqual([]);
    await q.add("m2", { type: "mail" });
    const next = await q.grant({ types: " mail" });
    await q.add("c", row);
    const trip = await q.engine.settle([{ kind: "ack", id: next.id, fence: next.fence }], args());
    expect(ids(trip.grants)).toEqual(["a", "b", "c"]);
  });

  test("is not granted to a worker without room for it, and its tasks are put aside", async () => {
    const q = await setup();
    await q.add(["a", "b", "c"], row);
    expect(await taken(q, 10, "row=0 mail")).toEqual([]);
    expect(await q.stats()).toMatchObject({ pendingTyped: 3 });
  });
});
