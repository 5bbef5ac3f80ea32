import type { QueueLimits } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { changeTasks } from "../src/engine/change.ts";
import { changeKey, readKeys, setLimits } from "../src/engine/limits.ts";
import { findViolations } from "./support/invariants.ts";
import { setup } from "./support/setup.ts";
import { LEASE_MS, type TestQueue, typesText } from "./support/test-queue.ts";

const BOTH = "mail report";

async function limited(types: QueueLimits["types"], rest: QueueLimits = {}): Promise<TestQueue> {
  const q = await setup();
  await setLimits(q.engine, { ...rest, types });
  return q;
}

/** Acquires like a worker with these handlers. Returns the granted tasks as text. */
async function taken(q: TestQueue, want: number, types = BOTH): Promise<string> {
  const grants = await q.acquireTypes(types, want);
  q.held.push(...grants);
  return grants.map(({ id }) => id).join(" ");
}

/** Settles a task that the test holds. */
async function end(q: TestQueue, id: string): Promise<void> {
  const grant = q.held.find((held) => held.id === id);
  if (!grant) throw new Error(`${id} is not held`);
  expect(await q.ack(grant)).toBe("acked");
}

const check = async (q: TestQueue) => expect(await findViolations(q.redis, q.keys)).toEqual([]);
const viewOf = async (q: TestQueue) => (await readKeys(q.engine, {})).limits;
const account = (q: TestQueue, type: string) => q.redis.hget(q.keys.state, `@ /${type}`);

describe("concurrency of a type", () => {
  test("no more tasks of a full type run, other types continue, and the type continues in order when one of its tasks ends", async () => {
    const q = await limited({ mail: { concurrency: 2 } });
    await q.add(["m1", "m2", "m3", "m4"], { type: "mail" });
    await q.add(["r1", "r2"], { type: "report" });
    expect(await taken(q, 10)).toBe("m1 m2 r1 r2");
    expect((await viewOf(q)).types).toEqual([
      { type: "mail", running: 2, heldUntil: null, blockedBy: "concurrency", nextAt: null },
    ]);
    await check(q);
    await end(q, "m1");
    await q.add("m5", { type: "mail" });
    expect(await taken(q, 10)).toBe("m3");
    await end(q, "m2");
    await end(q, "m3");
    expect(await taken(q, 10)).toBe("m4 m5");
    await check(q);
  });

  test("holds for a worker that sends a prefix, and does not delay the other types of the prefix", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add(["m1", "m2", "m3"], { type: "mail" });
    expect(await taken(q, 10, "*")).toBe("m1");
    await q.add("z1", { type: "zed" });
    expect(await taken(q, 1, "other")).toBe("");
    // The first task in the line is a mail, but the limit of the type mail is reached.
    expect(await taken(q, 1, "m* *")).toBe("z1");
    await end(q, "m1");
    expect(await taken(q, 5, "m*")).toBe("m2");
    await check(q);
  });

  test("a worker that has not sent its types yet is asked for them", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add(["m1", "m2"], { type: "mail" });
    const first = await q.acquire(5);
    expect(first.grants.map(({ id }) => id)).toEqual(["m1"]);
    expect([first.typed, first.again]).toEqual([true, true]);
    const parked = await q.acquire(5, { types: typesText("mail"), park: true });
    expect([parked.grants.length, parked.again, parked.parked]).toEqual([0, false, true]);
    await check(q);
  });

  test("the call that ends a task takes the next one of its type, and wakes whoever waits for it", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add(["m1", "m2", "m3"], { type: "mail" });
    const [m1] = await q.acquireTypes("mail", 5);
    const { id, fence } = m1 as NonNullable<typeof m1>;
    const args = q.roundTripArgs({ want: 5, types: typesText("mail") });
    const trip = await q.engine.settle([{ kind: "ack", id, fence }], args);
    expect(trip.grants.map((grant) => grant.id)).toEqual(["m2"]);
    const parked = await q.acquire(5, { types: typesText("mail"), park: true, workerId: "w2" });
    expect(parked.parked).toBe(true);
    const [m2] = trip.grants;
    expect(await q.ack(m2 as NonNullable<typeof m2>)).toBe("acked");
    expect(await q.redis.hexists(q.keys.state, "#parked")).toBe(0);
    expect(await taken(q, 5)).toBe("m3");
  });

  test("a crash, a failure, a release and a task that was not begun each make room", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add("m1", { type: "mail" });
    await taken(q, 1);
    expect(await q.crash()).toMatchObject({ requeued: 1 });
    for (const kind of ["release", "unstarted"] as const) {
      const [grant] = await q.acquireTypes("mail", 1);
      expect(grant?.id).toBe("m1");
      const { id, fence } = grant as NonNullable<typeof grant>;
      expect(await q.settle([{ kind, id, fence }])).toEqual(["released"]);
      await check(q);
    }
    const [grant] = await q.acquireTypes("mail", 1);
    expect(await q.fail(grant as NonNullable<typeof grant>)).toBe("retried");
    expect(await taken(q, 1)).toBe("m1");
    await check(q);
  });

  test("more tasks are granted at once when the limit is raised or removed, and none when it is lowered", async () => {
    const q = await limited({ mail: { concurrency: 2 } });
    await q.add(["m1", "m2", "m3", "m4", "m5", "m6"], { type: "mail" });
    expect(await taken(q, 10)).toBe("m1 m2");
    await setLimits(q.engine, { types: { mail: { concurrency: 3 } } });
    expect(await taken(q, 10)).toBe("m3");
    await setLimits(q.engine, { types: { mail: { concurrency: 1 } } });
    await end(q, "m1");
    await end(q, "m2");
    expect(await taken(q, 10)).toBe("");
    await setLimits(q.engine, {});
    expect(await taken(q, 10)).toBe("m4 m5 m6");
    await check(q);
  });

  test("tasks that ran before the type had a limit are not counted", async () => {
    const q = await setup();
    await q.add(["m1", "m2", "m3"], { type: "mail" });
    expect(await taken(q, 2)).toBe("m1 m2");
    await setLimits(q.engine, { types: { mail: { concurrency: 1 } } });
    expect(await taken(q, 5)).toBe("m3");
    await end(q, "m1");
    expect((await viewOf(q)).types[0]).toMatchObject({ running: 1 });
    await check(q);
  });

  test("a task that waits for room does not die as no_handler", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add(["m1", "m2"], { type: "mail" });
    await taken(q, 5);
    q.advance(LEASE_MS - 1);
    expect(await q.engine.reject([], "0 workers", 100, "")).toMatchObject({ dead: 0 });
    expect(await q.task("m2")).toMatchObject({ state: "pending", unroutedSince: null });
  });

  test("an account with only default values is deleted", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add("m1", { type: "mail" });
    await taken(q, 1);
    expect(await account(q, "mail")).not.toBeNull();
    await end(q, "m1");
    expect(await account(q, "mail")).toBeNull();
  });
});

describe("rate of a type", () => {
  test("tasks start evenly, by their cost, and a task that was not begun gives its part back", async () => {
    const q = await limited({ mail: { rate: { limit: 10, periodMs: 1_000, burst: 2 } } });
    await q.add(["m1", "m2", "m3", "m4"], { type: "mail" });
    expect(await taken(q, 10)).toBe("m1 m2");
    const trip = await q.acquire(5, { types: typesText(BOTH), park: true });
    expect(trip.parked).toBe(true);
    expect(trip.dueInMs).toBeGreaterThan(0);
    q.advance(trip.dueInMs);
    expect(await taken(q, 10)).toBe("m3");
    const [m3] = q.held.slice(-1);
    const { id, fence } = m3 as NonNullable<typeof m3>;
    expect(await q.settle([{ kind: "unstarted", id, fence }])).toEqual(["released"]);
    // m4 has waited for the rate of its type since before m3 was handed back. So m4 starts first, and then m3.
    expect(await taken(q, 10)).toBe("m4");
    q.advance(100);
    expect(await taken(q, 10)).toBe("m3");
    await check(q);
  });

  test("a task that is handed back is the next task of its type, however many wait", async () => {
    const q = await limited({ mail: { concurrency: 1 } });
    await q.add(["m1", "m2", "m3", "m4"], { type: "mail" });
    expect(await taken(q, 10)).toBe("m1");
    const [m1] = q.held;
    expect(await q.release(m1 as NonNullable<typeof m1>)).toBe("released");
    expect(await taken(q, 10)).toBe("m2");
    await end(q, "m2");
    expect(await taken(q, 10)).toBe("m1");
    await check(q);
  });

  test.each([
    ["key", { key: "a" }],
    ["time", { delayMs: 1 }],
  ])(
    "a task that was handed back and put aside twice, with a change of its %s in between, has two entries",
    async (_, what) => {
      const q = await limited({ mail: { concurrency: 2 } });
      await q.add(["m1", "m2"], { type: "mail" });
      expect(await taken(q, 2)).toBe("m1 m2");
      await setLimits(q.engine, { types: { mail: { concurrency: 1 } } });
      expect(await q.release(q.held[1] as (typeof q.held)[number])).toBe("released");
      expect(await taken(q, 1)).toBe("");
      await changeTasks(q.engine, ["m2"], what);
      q.advance(1);
      expect(await taken(q, 1)).toBe("");
      expect(await q.redis.zcard(q.keys.pendingTyped)).toBe(2);
      expect((await q.engine.audit(false)).violations).toEqual([]);
      await end(q, "m1");
      expect(await taken(q, 1)).toBe("m2");
      expect((await q.engine.audit(false)).violations).toEqual([]);
      await check(q);
    },
  );

  test("tasks that were handed back are granted in the order in which they were put aside", async () => {
    const q = await limited({ mail: { concurrency: 3 } });
    await q.add(["m3", "m2", "m1"], { type: "mail" });
    expect(await taken(q, 3)).toBe("m3 m2 m1");
    await setLimits(q.engine, { types: { mail: { concurrency: 1 } } });
    const [m3, m2] = q.held as [(typeof q.held)[number], (typeof q.held)[number]];
    for (const grant of [m3, m2]) {
      expect(await q.release(grant)).toBe("released");
      expect(await taken(q, 1)).toBe("");
    }
    await end(q, "m1");
    expect(await taken(q, 1)).toBe("m3");
  });

  test("a costly task waits until the rate allows it, and its account is forgotten afterwards", async () => {
    const q = await limited({ mail: { rate: { limit: 10, periodMs: 1_000, burst: 4 } } });
    await q.add("m1", { type: "mail" });
    await q.add("m2", { type: "mail", cost: 4 });
    expect(await taken(q, 10)).toBe("m1");
    const trip = await q.acquire(5, { types: typesText(BOTH), park: true });
    q.advance(trip.dueInMs);
    expect(await taken(q, 10)).toBe("m2");
    await end(q, "m1");
    await end(q, "m2");
    q.advance(10_000);
    await q.engine.promote(100);
    expect(await account(q, "mail")).toBeNull();
    expect(await q.redis.zcard(q.keys.resting)).toBe(0);
  });
});

describe("types and keys", () => {
  test("a task counts for its key and its type, but not while it is put aside because of its type", async () => {
    const q = await limited({ mail: { concurrency: 1 } }, { key: { concurrency: 2 } });
    await q.add(["m1", "m2"], { type: "mail", key: "a" });
    await q.add(["r1", "r2"], { type: "report", key: "a" });
    expect(await taken(q, 10)).toBe("m1 r1");
    await check(q);
    await end(q, "m1");
    // The limit of the key leaves room for one task, and m2 is older than r2.
    expect(await taken(q, 10)).toBe("m2");
    await end(q, "r1");
    expect(await taken(q, 10)).toBe("r2");
    await check(q);
    await end(q, "m2");
    await end(q, "r2");
    expect(await account(q, "mail")).toBeNull();
    expect(await q.redis.hget(q.keys.state, "@a")).toBeNull();
  });

  test("a key in strict order waits with its first task, other keys continue, and the order is kept", async () => {
    const q = await limited({ mail: { concurrency: 1 } }, { key: { concurrency: 1, ordered: true } });
    await q.add("a1", { type: "mail", key: "a" });
    await q.add("b1", { type: "mail", key: "b" });
    await q.add("b2", { type: "report", key: "b" });
    await q.add("c1", { type: "report", key: "c" });
    expect(await taken(q, 10)).toBe("a1 c1");
    await end(q, "a1");
    q.advance(250);
    expect(await taken(q, 10)).toBe("b1");
    await end(q, "b1");
    expect(await taken(q, 10)).toBe("b2");
    await check(q);
  });
});

describe("hold of a type", () => {
  const limitedBy = async (q: TestQueue, id: string, delayMs: number) => {
    const { fence } = q.held.find((held) => held.id === id) as NonNullable<(typeof q.held)[number]>;
    return q.settle([{ kind: "limited", id, fence, delayMs, scope: "type" }]);
  };

  test("a handler that met a rate limit holds its type, and costs no attempt", async () => {
    const q = await setup();
    await q.add(["m1", "m2"], { type: "mail" });
    await q.add("r1", { type: "report" });
    expect(await taken(q, 1)).toBe("m1");
    expect(await limitedBy(q, "m1", 2_000)).toEqual(["released"]);
    expect(await taken(q, 10)).toBe("r1");
    const held = {
      type: "mail",
      running: 0,
      heldUntil: q.now + 2_000,
      blockedBy: "hold",
      nextAt: q.now + 2_000,
    };
    expect(await viewOf(q)).toMatchObject({ types: [held], limits: {} });
    // New limits do not end the hold.
    await setLimits(q.engine, { queue: { concurrency: 9 } });
    expect(await viewOf(q)).toMatchObject({ types: [held] });
    q.advance(1_999);
    expect(await taken(q, 10)).toBe("");
    q.advance(1);
    expect(await taken(q, 10)).toBe("m1 m2");
    expect(await q.task("m1")).toMatchObject({ attempts: 1, failures: 0 });
    expect((await viewOf(q)).types).toEqual([]);
    await check(q);
  });

  test("an operator can set and end the hold", async () => {
    const q = await setup();
    await q.add("m1", { type: "mail" });
    await changeKey(q.engine, { type: "mail" }, { holdMs: 60_000 });
    expect(await taken(q, 10)).toBe("");
    expect(await q.stats()).toMatchObject({ pending: 1, flow: { runnable: 0, keysHeld: 0 } });
    await changeKey(q.engine, { type: "mail" }, { holdMs: 0 });
    expect(await q.stats()).toMatchObject({ flow: { runnable: 1 } });
    expect(await taken(q, 10)).toBe("m1");
    await check(q);
  });
});
