import { describe, expect, test } from "vitest";
import { setup } from "./support/setup.ts";
import { LEASE_MS } from "./support/test-queue.ts";

const request = (sequence: number) => ({ requestSlot: "#q:worker:0", sequence });

test("tasks are granted in the order of their enqueue, each under a lease of its own", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"]);
  const { grants } = await q.acquire(2);
  expect(grants.map((grant) => grant.id)).toEqual(["a", "b"]);
  expect(new Set(grants.map((grant) => grant.token)).size).toBe(2);
  expect(await q.task("a")).toMatchObject({
    state: "processing",
    attempts: 1,
    workerId: "w1",
    fence: grants[0]?.fence,
    leaseExpiresAt: q.now + LEASE_MS,
  });
  expect((await q.acquire(5)).grants.map((grant) => grant.id)).toEqual(["c"]);
  expect((await q.acquire(5)).grants).toEqual([]);
});

test("grant numbers grow, whichever worker acquires", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"]);
  const numbers = [];
  for (const workerId of ["w1", "w2", "w1"])
    numbers.push(Number((await q.grant({ workerId })).token.split("-")[0]));
  expect(numbers).toEqual([1, 2, 3]);
});

test("an attempt is counted when it is granted", async () => {
  const q = await setup();
  await q.add("a");
  await q.grant();
  expect(await q.task("a")).toMatchObject({ attempts: 1, failures: 0, crashes: 0 });
  expect((await q.stats()).totals.attempts).toBe(1);
});

test("of every 16 grants at least 3 are normal and 1 is low while such tasks wait", async () => {
  const q = await setup();
  const many = (band: string) => Array.from({ length: 40 }, (_, i) => `${band}${i}`);
  await q.add(many("h"), { priority: "high" });
  await q.add(many("n"));
  await q.add(many("l"), { priority: "low" });
  const bands: string[] = [];
  // Calls for 5 tasks each show that the turns of the bands continue from one call to the next.
  while (bands.length < 32) bands.push(...(await q.acquire(5)).grants.map(({ id }) => id[0] ?? ""));
  for (let from = 0; from + 16 <= bands.length; from++) {
    const window = bands.slice(from, from + 16);
    expect(window.filter((band) => band === "n").length).toBeGreaterThanOrEqual(3);
    expect(window.filter((band) => band === "l").length).toBeGreaterThanOrEqual(1);
    expect(window.filter((band) => band === "h").length).toBe(12);
  }
});

test("an empty band gives its turns to the others", async () => {
  const q = await setup();
  await q.add(["l1", "l2", "l3"], { priority: "low" });
  await q.add("n1");
  expect((await q.acquire(10)).grants.map(({ id }) => id)).toEqual(["n1", "l1", "l2", "l3"]);
});

test("acquire promotes due tasks, and none of them a millisecond early (I9)", async () => {
  const q = await setup();
  await q.add("later", { delayMs: 1_000 });
  q.advance(999);
  expect((await q.acquire(1)).grants).toEqual([]);
  expect((await q.task("later")).state).toBe("scheduled");
  q.advance(1);
  expect((await q.grant()).id).toBe("later");
});

test("a paused queue grants nothing and promotes nothing", async () => {
  const q = await setup();
  await q.add("a");
  await q.add("due", { delayMs: 1 });
  q.advance(1);
  await q.engine.pause(true);
  expect(await q.acquire(5)).toMatchObject({ grants: [], paused: true });
  expect((await q.task("due")).state).toBe("scheduled");
  await q.engine.pause(false);
  expect((await q.acquire(5)).grants).toHaveLength(2);
});

describe("expiry", () => {
  test("a task past its expiresAt becomes expired when its turn comes, and the caller learns of it", async () => {
    const q = await setup();
    await q.add("old", { expiresAt: q.now + 10 });
    await q.add("good");
    q.advance(10);
    const trip = await q.acquire(2);
    expect(trip.grants.map(({ id }) => id)).toEqual(["good"]);
    expect(trip.expired.map(({ id }) => id)).toEqual(["old"]);
    expect(await q.task("old")).toMatchObject({ state: "expired", attempts: 0, endedAt: q.now });
    expect((await q.stats()).totals.expired).toBe(1);
  });

  test("a task that waits for a retry expires too, but a running attempt does not", async () => {
    const q = await setup();
    await q.add("a", { expiresAt: q.now + 10 });
    const grant = await q.grant();
    q.advance(20);
    expect((await q.task("a")).state).toBe("processing");
    expect(await q.fail(grant)).toBe("retried");
    expect((await q.acquire(1)).expired.map(({ id }) => id)).toEqual(["a"]);
    expect(await q.task("a")).toMatchObject({ state: "expired", attempts: 1, failures: 1 });
  });

  test("if an acquire found expired tasks, the caller has to ask again at once", async () => {
    const q = await setup();
    await q.add(["old1", "old2"], { expiresAt: q.now + 1 });
    await q.add("good");
    q.advance(1);
    expect(await q.acquire(2, { park: true })).toMatchObject({ grants: [], again: true });
    expect(await q.redis.hexists(q.keys.state, "#parked")).toBe(0);
    expect((await q.grant()).id).toBe("good");
  });
});

describe("the time-out of an attempt", () => {
  // How much later than the time-out a worker's verdict may arrive, ms.
  const SETTLE_MS = 250;

  test("limits the lease from its start", async () => {
    const q = await setup();
    await q.add("quick", { timeoutMs: 100 });
    await q.grant();
    expect((await q.task("quick")).leaseExpiresAt).toBe(q.now + 100 + SETTLE_MS);
  });

  test("is 1,800,000 ms by default, however long the lease is", async () => {
    const q = await setup();
    await q.add(["plain"]);
    await q.add("tagged", { tags: ["x"] });
    await q.acquire(2, { leaseMs: 3_600_000 });
    expect((await q.task("plain")).leaseExpiresAt).toBe(q.now + 1_800_000 + SETTLE_MS);
    expect((await q.task("tagged")).leaseExpiresAt).toBe(q.now + 1_800_000 + SETTLE_MS);
  });
});

describe("tombstones", () => {
  test("the entry of a cancelled task is dropped when it is met, and the caller asks again", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    await q.engine.cancel("a");
    expect(await q.acquire(1)).toMatchObject({ grants: [], again: true });
    expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["b"]);
    expect((await q.grant()).id).toBe("b");
  });

  test("an entry without a task is dropped like a tombstone", async () => {
    const q = await setup();
    await q.redis.lpush(q.keys.pending, "ghost");
    await q.add("a");
    expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["a"]);
  });

  test("an id that is in a list twice is granted once", async () => {
    const q = await setup();
    await q.add("a");
    await q.redis.rpush(q.keys.pending, "a", "a");
    expect((await q.acquire(2)).grants).toHaveLength(1);
    expect((await q.acquire(2)).grants).toHaveLength(0);
  });
});

describe("the same request sent twice", () => {
  test("gives the same tasks under the same tokens, and leases nothing more", async () => {
    const q = await setup();
    await q.add(["a", "b", "c"]);
    const args = q.roundTripArgs({ want: 2 });
    const first = await q.engine.acquire(args, request(1));
    expect(await q.engine.acquire(args, request(1))).toEqual(first);
    expect(await q.stats()).toMatchObject({ processing: 2, pending: 1 });
  });

  test("names only the tasks that the caller still holds", async () => {
    const q = await setup();
    await q.add(["a", "b", "c"]);
    const args = q.roundTripArgs({ want: 3 });
    const first = await q.engine.acquire(args, request(1));
    const [a, b, c] = first.grants;
    if (!a || !b || !c) throw new Error("not all three tasks were granted");
    await q.ack(b);
    expect((await q.engine.acquire(args, request(1))).grants).toEqual([a, c]);
    await q.crash();
    expect((await q.engine.acquire(args, request(1))).grants).toEqual([]);
  });

  test("gives each task with its own payload", async () => {
    const q = await setup();
    for (const id of ["a", "b", "c"]) await q.add(id, { payloadText: JSON.stringify(`of ${id}`) });
    const args = q.roundTripArgs({ want: 3 });
    const first = await q.engine.acquire(args, request(1));
    const again = await q.engine.acquire(args, request(1));
    for (const { grants } of [first, again])
      expect(grants.map(({ id, envelope }) => [id, envelope.split("\n")[1]])).toEqual([
        ["a", '"of a"'],
        ["b", '"of b"'],
        ["c", '"of c"'],
      ]);
  });

  test("is refused after a later request of the same slot was answered", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    await q.engine.acquire(q.roundTripArgs({ want: 1 }), request(2));
    await expect(q.engine.acquire(q.roundTripArgs({ want: 1 }), request(1))).rejects.toMatchObject({
      code: "outcome_unknown",
    });
    expect((await q.stats()).processing).toBe(1);
  });
});

describe("a task that crashed its worker twice", () => {
  const crashTwice = async (q: Awaited<ReturnType<typeof setup>>) => {
    for (let i = 0; i < 2; i++) {
      await q.grant();
      await q.crash();
    }
  };

  test("waits in a list of its own and is granted alone, to a worker that holds nothing", async () => {
    const q = await setup();
    await q.add("killer");
    await crashTwice(q);
    await q.add(["x", "y"]);
    expect(await q.task("killer")).toMatchObject({ state: "pending", solo: true, crashes: 2 });
    expect((await q.stats()).pendingSolo).toBe(1);
    const busy = await q.acquire(5, { held: 1 });
    expect(busy.grants.map(({ id }) => id)).toEqual(["x", "y"]);
    expect(busy).toMatchObject({ makeRoom: true, solo: false });
    const free = await q.acquire(5, { held: 0 });
    expect(free.grants.map(({ id }) => id)).toEqual(["killer"]);
    expect(free.solo).toBe(true);
  });

  test("makes one worker at a time make room, until the claim of that worker expires", async () => {
    const q = await setup();
    await q.add("killer");
    await crashTwice(q);
    expect((await q.acquire(1, { held: 1, workerId: "w1" })).makeRoom).toBe(true);
    expect((await q.acquire(1, { held: 1, workerId: "w2" })).makeRoom).toBe(false);
    expect((await q.acquire(1, { held: 1, workerId: "w1" })).makeRoom).toBe(true);
    q.advance(LEASE_MS);
    expect((await q.acquire(1, { held: 1, workerId: "w2" })).makeRoom).toBe(true);
    expect((await q.acquire(1, { held: 0, workerId: "w2" })).solo).toBe(true);
  });
});

test("a queue written by a newer layout is refused", async () => {
  const q = await setup();
  await q.add("a");
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  q.corrupted = true;
  await expect(q.acquire(1)).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.zcard(q.keys.processing)).toBe(0);
});

test("an acquire that finds no task writes only its parked request", async () => {
  const q = await setup();
  await q.acquire(1);
  expect(await q.redis.exists(...Object.values(q.keys))).toBe(0);
  await q.acquire(1, { park: true });
  expect(await q.redis.hkeys(q.keys.state)).toEqual(["#parked"]);
});
