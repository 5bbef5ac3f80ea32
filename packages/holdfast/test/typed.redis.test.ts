import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { setup } from "./support/setup.ts";
import { type TestQueue, typesText } from "./support/test-queue.ts";

const NO_HANDLER_MS = 2_000;
const ids = (grants: { id: string }[]) => grants.map(({ id }) => id);

/** Makes an acquire without handlers move tasks of these types aside, in the order given. */
async function aside(q: TestQueue, ...tasks: [id: string, type: string][]): Promise<void> {
  for (const [id, type] of tasks) await q.add(id, { type });
  expect(await q.acquireTypes("", tasks.length)).toEqual([]);
}

describe("a task whose worker has no handler for its type", () => {
  test("is put aside as pending, with its attempt refunded and the time in its record", async () => {
    const q = await setup();
    await q.add("a", { type: "report" });
    const sinceMs = q.now;
    q.advance(5);
    expect(await q.unrouted(await q.grant())).toBe("released");
    expect(await q.task("a")).toMatchObject({
      ...{ state: "pending", attempts: 0, failures: 0, unroutedSince: sinceMs + 5, history: [] },
    });
    expect(await q.stats()).toMatchObject({ pending: 1, pendingTyped: 1, pendingByPriority: { normal: 1 } });
  });

  test("is never granted to a worker that does not send its types, and the reply asks the worker to send them", async () => {
    const q = await setup();
    await q.add("a", { type: "report" });
    await q.unrouted(await q.grant());
    const trip = await q.acquire(5);
    expect(trip).toMatchObject({ grants: [], typed: true, again: true, parked: false });
  });

  test("is never granted to a worker that runs other types, and is granted at once to a worker that runs its type", async () => {
    const q = await setup();
    await q.add("a", { type: "report" });
    await q.unrouted(await q.grant());
    expect(await q.acquireTypes("mail repor reports", 5)).toEqual([]);
    const [grant] = await q.acquireTypes("mail report", 5);
    expect(grant).toMatchObject({ id: "a", past: { attempt: 1, fresh: true } });
    expect((await q.task("a")).unroutedSince).toBeNull();
    expect(await q.stats()).toMatchObject({ processing: 1, pendingTyped: 0 });
  });

  test("does not affect the next life of its id after a cancel", async () => {
    const q = await setup();
    await q.add("a", { type: "report", fingerprint: "fp" });
    expect(await q.acquireTypes("mail", 1)).toEqual([]);
    await q.engine.cancel("a");
    const text = encodeEnvelope("mail", q.now, "2", {}, "fp2");
    await q.engine.enqueueAgain(["a", text]);
    q.advance(90_000_000);
    expect(await q.engine.reject([], "no workers", 100, "")).toMatchObject({ dead: 0 });
    expect(await q.task("a")).toMatchObject({ state: "pending", type: "mail" });
    expect((await q.acquireTypes("mail", 1)).map(({ id }) => id)).toEqual(["a"]);
  });

  test("is cancelled if its cancel was requested", async () => {
    const q = await setup();
    await q.add("a", { type: "report" });
    const grant = await q.grant();
    await q.engine.cancel("a");
    expect(await q.unrouted(grant)).toBe("cancelled");
    expect((await q.stats()).pendingTyped).toBe(0);
  });

  test("keeps the flags for a given id and for keepPayload: false", async () => {
    const q = await setup();
    await q.add("given", { type: "report", fingerprint: "fp", keepPayload: false, maxRetries: 0 });
    await q.unrouted(await q.grant());
    const [grant] = await q.acquireTypes("report", 1);
    await q.ack(grant ?? { id: "", fence: "" });
    expect(await q.task("given")).toMatchObject({ state: "completed", payloadText: "", attempts: 1 });
  });
});

describe("a worker that sends its types", () => {
  test("is granted the tasks of its types in order, and tasks of other types are put aside", async () => {
    const q = await setup();
    for (const [id, type] of Object.entries({ r1: "report", m1: "mail", r2: "report", m2: "mail" }))
      await q.add(id, { type });
    expect(ids(await q.acquireTypes("mail", 10))).toEqual(["m1", "m2"]);
    expect(await q.stats()).toMatchObject({ pending: 2, pendingTyped: 2, processing: 2 });
    expect(ids(await q.acquireTypes("report", 10))).toEqual(["r1", "r2"]);
  });

  test("takes no more than it wants, and leaves other tasks of its types where they are", async () => {
    const q = await setup();
    for (const n of [1, 2, 3]) {
      await q.add(`r${n}`, { type: "report" });
      await q.add(`m${n}`, { type: "mail" });
    }
    expect(ids(await q.acquireTypes("mail", 1))).toEqual(["m1"]);
    expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["r2", "m2", "r3", "m3"]);
    expect(ids(await q.acquireTypes("mail report", 9))).toEqual(["r1", "r2", "m2", "r3", "m3"]);
  });

  test("finds tasks of its types behind a thousand others", async () => {
    const q = await setup();
    await q.add(
      Array.from({ length: 400 }, (_, n) => `r${n}`),
      { type: "report" },
    );
    await q.add("m", { type: "mail" });
    expect(ids(await q.acquireTypes("mail", 1))).toEqual(["m"]);
    expect((await q.acquireTypes("report", 400)).map(({ id }) => id)).toEqual(
      Array.from({ length: 400 }, (_, n) => `r${n}`),
    );
  });

  test("gets tasks of several types that were put aside in the order in which they were put there", async () => {
    const q = await setup();
    await aside(q, ["b1", "b"], ["a1", "a"], ["c1", "c"], ["b2", "b"], ["a2", "a"]);
    expect(ids(await q.acquireTypes("a b", 3))).toEqual(["b1", "a1", "b2"]);
    expect(ids(await q.acquireTypes("c a b", 3))).toEqual(["c1", "a2"]);
  });

  test("gets tasks that were put aside by band: high before normal before low", async () => {
    const q = await setup();
    await q.add("l", { type: "report", priority: "low" });
    await q.add("n", { type: "report" });
    await q.add("h", { type: "report", priority: "high" });
    await q.acquireTypes("", 3);
    expect(await q.stats()).toMatchObject({ pendingByPriority: { high: 1, normal: 1, low: 1 } });
    await q.add("m", { type: "mail", priority: "high" });
    expect(ids(await q.acquireTypes("report mail", 4))).toEqual(["h", "m", "n", "l"]);
  });

  test("drops cancelled tasks that were put aside, and ends those that are past their expiry", async () => {
    const q = await setup();
    await q.add("late", { type: "report", expiresAt: q.now + 10 });
    await aside(q, ["gone", "report"], ["there", "report"]);
    await q.engine.cancel("gone");
    q.advance(11);
    const trip = await q.acquire(3, { types: typesText("report") });
    expect([ids(trip.grants), ids(trip.expired)]).toEqual([["there"], ["late"]]);
    expect(await q.stats()).toMatchObject({ pending: 0, pendingTyped: 0, expired: 1, cancelled: 1 });
  });

  test("parks with its types, and an enqueue only grants tasks of these types to it", async () => {
    const q = await setup();
    await q.acquire(5, { types: typesText("mail"), park: true });
    expect((await q.redis.hget(q.keys.state, "#parked")) ?? "").toMatch(/ mail$/);
  });

  test("wakes the other workers when it puts tasks aside", async () => {
    const q = await setup();
    // No worker listens, so no push is possible. The worker w2 runs this type, and parks its request before the other
    // worker has looked.
    await q.add("r", { type: "report" });
    await q.redis.hset(q.keys.state, "#parked", "w2 #q:w2:0 1 1 30000 3 n2.");
    expect(await q.acquireTypes("mail", 1)).toEqual([]);
    expect(await q.redis.hget(q.keys.state, "#parked")).toBeNull();
  });

  test("settles and acquires by type in one call", async () => {
    const q = await setup();
    for (const [id, type] of Object.entries({ m1: "mail", r1: "report", m2: "mail" }))
      await q.add(id, { type });
    const [held] = await q.acquireTypes("mail", 1);
    const { outcomes, grants } = await q.engine.settle(
      [{ kind: "ack", id: "m1", fence: held?.fence ?? "" }],
      q.roundTripArgs({ want: 5, types: typesText("mail") }),
    );
    expect([outcomes, ids(grants)]).toEqual([["acked"], ["m2"]]);
    expect((await q.stats()).pendingTyped).toBe(1);
  });

  test("gets the same grants for a repeated request", async () => {
    const q = await setup();
    await aside(q, ["r", "report"]);
    const request = { requestSlot: "#q:typed:0", sequence: 1 };
    const args = q.roundTripArgs({ want: 2, types: typesText("report") });
    const first = await q.engine.acquire(args, request);
    const again = await q.engine.acquire(args, request);
    expect(ids(first.grants)).toEqual(["r"]);
    expect(again.grants).toEqual(first.grants);
  });
});

describe("a worker that sends prefixes of types", () => {
  test("is granted the tasks of all types that begin like this, oldest first, and no others", async () => {
    const q = await setup();
    await aside(q, ["s", "sms"], ["b", "email.b"], ["e", "email"], ["a", "email.a"], ["a2", "email.a"]);
    await q.add("c", { type: "email.c" });
    await q.add("s2", { type: "sms" });
    expect(ids(await q.acquireTypes("email.*", 9))).toEqual(["b", "a", "a2", "c"]);
    expect(ids(await q.acquireTypes("email.* *", 9))).toEqual(["s", "e", "s2"]);
  });

  test("sees each task once if several of its prefixes fit", async () => {
    const q = await setup();
    await aside(q, ["s", "sms"], ["b", "email.b"]);
    const { grants, again } = await q.acquire(9, { types: typesText("email.b email.* e* *") });
    expect([ids(grants), again]).toEqual([["s", "b"], false]);
    expect(await q.stats()).toMatchObject({ pending: 0, pendingTyped: 0, processing: 2 });
  });

  test("and a limit for one type gets no more tasks of that type, but all tasks of the other types", async () => {
    const q = await setup();
    await aside(q, ["a1", "email.a"], ["b1", "email.b"], ["a2", "email.a"]);
    for (const id of ["a3", "a4"]) await q.add(id, { type: "email.a" });
    await q.add("b2", { type: "email.b" });
    await q.add("r", { type: "report", priority: "high" });
    const once = async (types: string) => ids((await q.acquire(9, { types: typesText(types) })).grants);
    // The number is how many tasks of a type the worker takes. It gets two tasks of `email.a` that were moved aside,
    // and none that wait behind them.
    expect((await once("email.a=2 *")).sort()).toEqual(["a1", "a2", "b1", "b2", "r"]);
    expect(await once("email.a=0 *")).toEqual([]);
    expect(await once("email.a=1 *")).toEqual(["a3"]);
    expect(await once("*")).toEqual(["a4"]);
  });

  test("counts a limit over all types of its prefix and over all bands", async () => {
    const q = await setup();
    await q.add("h", { type: "email.a", priority: "high" });
    await aside(q, ["n1", "email.b"], ["n2", "email.c"]);
    await q.add("l", { type: "email.d", priority: "low" });
    await q.add("x", { type: "x" });
    const granted = ids((await q.acquire(9, { types: typesText("email.*=2 *") })).grants);
    expect(granted).toContain("x");
    expect(granted).toHaveLength(3);
    expect(await q.stats()).toMatchObject({ pending: 2, pendingTyped: 2, processing: 3 });
    expect(ids(await q.acquireTypes("*", 9))).toHaveLength(2);
  });

  test("reaches each type, even if there are more types than one call looks at", async () => {
    const q = await setup();
    const tasks = Array.from({ length: 300 }, (_, n): [string, string] => [`t${n}`, `user.${n}`]);
    await aside(q, ...tasks);
    const seen = new Set<string>();
    // The tasks of the first types stay where they are. A call finds other types behind them only if it starts to
    // look at another place.
    for (let call = 0; call < 2_000 && seen.size < 300; call++) {
      const { grants } = await q.acquire(1, { types: typesText("user.*") });
      for (const grant of grants) {
        seen.add(grant.id);
        expect(await q.unrouted(grant)).toBe("released");
      }
      q.advance(7);
    }
    expect(seen.size).toBe(300);
  });

  test("keeps tasks of these types from dying as no_handler", async () => {
    const q = await setup();
    await aside(q, ["a", "email.a"], ["b", "sms"]);
    q.advance(90_000_000);
    expect((await q.engine.reject(["email.*", "report"], "-", 100)).dead).toBe(1);
    expect([(await q.task("a")).state, (await q.task("b")).state]).toEqual(["pending", "dead"]);
    expect((await q.engine.reject(["*"], "-", 100)).dead).toBe(0);
  });
});

describe("a task that has to run alone", () => {
  const solo = async (q: TestQueue, type: string) => {
    await q.add("killer", { type });
    for (let n = 0; n < 2; n++) {
      await q.grant();
      await q.crash();
    }
  };

  test("is put aside for a worker that runs its type, and is granted alone", async () => {
    const q = await setup();
    await solo(q, "report");
    await q.add("m", { type: "mail" });
    await q.add("r", { type: "report" });
    expect(ids(await q.acquireTypes("mail", 5))).toEqual(["m"]);
    expect((await q.stats()).pendingSolo).toBe(1);
    const trip = await q.acquire(5, { types: typesText("report mail") });
    expect([trip.solo, ids(trip.grants)]).toEqual([true, ["killer"]]);
  });

  test("makes only a worker that runs its type make room, if it was put aside", async () => {
    const q = await setup();
    await solo(q, "report");
    expect(await q.acquireTypes("mail", 5)).toEqual([]);
    expect((await q.acquire(5, { types: typesText("mail"), held: 1, workerId: "old" })).makeRoom).toBe(false);
    expect((await q.acquire(5, { types: typesText("report"), held: 1, workerId: "new" })).makeRoom).toBe(
      true,
    );
  });

  test("of another type does not renew the claim of the worker that made room for it", async () => {
    const q = await setup();
    await solo(q, "report");
    expect((await q.acquire(5, { types: typesText("mail"), held: 1, workerId: "old" })).makeRoom).toBe(true);
    expect(await q.acquireTypes("mail", 5, { workerId: "old" })).toEqual([]);
    expect((await q.acquire(5, { types: typesText("report"), held: 1, workerId: "new" })).makeRoom).toBe(
      true,
    );
  });
});

describe("reject", () => {
  const since = (q: TestQueue) => q.redis.zrange(q.keys.pendingTyped, "-", "+", "BYLEX");
  const reject = (q: TestQueue, types: string[] = [], limit = 100) =>
    q.engine.reject(types, "2 registered, with handlers for: a, b%", limit);

  test("ends tasks that were put aside for too long, and records the registered types", async () => {
    const q = await setup();
    await q.add("a", { type: "report" });
    const atMs = q.now;
    await q.unrouted(await q.grant(), { noHandlerAfterMs: NO_HANDLER_MS });
    q.advance(NO_HANDLER_MS - 1);
    expect(await reject(q)).toEqual({ dead: 0, after: "" });
    q.advance(1);
    expect(await reject(q)).toEqual({ dead: 1, after: "" });
    expect(await q.task("a")).toMatchObject({
      state: "dead",
      deadReason: "no_handler",
      endedAt: q.now,
      lastError:
        'NoHandler: no registered worker of this queue has a handler for "report"; 2 registered, with handlers for: a, b%',
      history: [{ attempt: 0, outcome: "unrouted", startedAt: atMs, endedAt: q.now, workerId: "-" }],
    });
    expect(await since(q)).toEqual([]);
  });

  test("does not end tasks whose type a registered worker runs, however long they wait", async () => {
    const q = await setup();
    await aside(q, ["a", "report"], ["b", "mail"]);
    q.advance(90_000_000);
    expect((await reject(q, ["report"])).dead).toBe(1);
    expect((await q.task("a")).state).toBe("pending");
    expect((await q.task("b")).state).toBe("dead");
  });

  test("reaches all lines within its limit, each type in each band", async () => {
    const q = await setup();
    const tasks = Array.from({ length: 12 }, (_, n): [string, string] => [`t${n}`, `type${n % 5}`]);
    await aside(q, ...tasks);
    await q.add("h", { type: "type0", priority: "high" });
    await q.acquireTypes("", 1);
    q.advance(90_000_000);
    for (const limit of [1, 2, 3]) {
      let after = "";
      const known = ["type1", "type3"];
      do after = (await q.engine.reject(known, "-", limit, after)).after;
      while (after !== "");
    }
    const left = (await since(q)).map((member) => member.split(" ")[1]);
    expect([...new Set(left)]).toEqual(["type1", "type3"]);
    expect(await q.stats()).toMatchObject({ dead: 8, pending: 5, pendingTyped: 5 });
  });

  test("drops tasks that were cancelled meanwhile", async () => {
    const q = await setup();
    await aside(q, ["a", "report"]);
    await q.engine.cancel("a");
    q.advance(90_000_000);
    expect((await reject(q)).dead).toBe(0);
    expect(await since(q)).toEqual([]);
  });

  test("counts a task once if an abort has left two entries of it", async () => {
    const q = await setup();
    await aside(q, ["a", "report"]);
    await q.redis.zadd(q.keys.pendingTyped, 0, "2 report 000000000099 1 a");
    q.advance(90_000_000);
    expect((await reject(q)).dead).toBe(1);
    expect(await q.stats()).toMatchObject({ dead: 1, pending: 0, pendingTyped: 0 });
  });

  test("adds no line to a history that is full", async () => {
    const q = await setup();
    await q.add("a", { type: "report", maxRetries: 50 });
    for (let n = 0; n < 40; n++) await q.fail(await q.grant());
    await q.unrouted(await q.grant(), { noHandlerAfterMs: 0 });
    await reject(q);
    expect((await q.task("a")).history).toHaveLength(32);
  });

  test("a replay offers the task to every worker again, and its waiting time starts again", async () => {
    const q = await setup();
    await aside(q, ["a", "report"]);
    q.advance(90_000_000);
    await reject(q);
    await q.engine.replay(["a", ""]);
    const [grant] = await q.acquireTypes("report", 1);
    expect(grant?.past).toMatchObject({ attempt: 1, generation: 1 });
  });
});

test("a cancelled task that was put aside, an emptied queue and a deleted queue leave nothing behind", async () => {
  const q = await setup();
  await aside(q, ["a", "report"], ["b", "mail"], ["c", "mail"]);
  await q.engine.cancel("b");
  expect(await q.engine.empty("pendingTyped", "pending", 100)).toEqual({ removed: 2, looked: 3 });
  expect(await q.stats()).toMatchObject({ pending: 0, pendingTyped: 0, totals: { purged: 2 } });
});

test("pages of tasks that were put aside follow each other", async () => {
  const q = await setup();
  await aside(q, ["a", "x"], ["b", "y"], ["c", "x"], ["d", "x/y.z:1"]);
  const seen: string[] = [];
  let cursor = "";
  do {
    const page = await q.engine.list("pendingTyped", "typed", cursor, 1);
    seen.push(...page.ids);
    cursor = page.cursor;
  } while (cursor !== "");
  expect(seen).toEqual(["a", "c", "d", "b"]);
});
