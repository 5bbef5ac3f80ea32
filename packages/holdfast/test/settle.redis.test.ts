import { describe, expect, test } from "vitest";
import type { Grant } from "../src/engine/engine.ts";
import { everyVerdict, expectFenced } from "./support/fence.ts";
import { setup } from "./support/setup.ts";

const request = (sequence: number) => ({ requestSlot: "#q:worker:0", sequence });

describe("ack", () => {
  test("completes the task and keeps its result", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    const { grants } = await q.acquire(2);
    const [a, b] = grants;
    if (!a || !b) throw new Error("not both tasks were granted");
    q.advance(5);
    expect(await q.ack(a, '{"n":12345678901234567890}')).toBe("acked");
    expect(await q.ack(b)).toBe("acked");
    expect(await q.task("a")).toMatchObject({
      state: "completed",
      resultText: '{"n":12345678901234567890}',
      endedAt: q.now,
      fence: a.fence,
      history: [{ attempt: 1, outcome: "acked", startedAt: q.now - 5, endedAt: q.now, fence: a.fence }],
    });
    expect((await q.task("b")).resultText).toBeNull();
    expect(await q.stats()).toMatchObject({ completed: 2, processing: 0, totals: { acked: 2 } });
  });

  test("a task whose lease expired but was not taken back can still be acked", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    q.advance(100_000);
    expect(await q.ack(grant)).toBe("acked");
  });

  test("repeated by the same holder, is accepted once and gets the same answer", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    expect([await q.ack(grant), await q.ack(grant)]).toEqual(["acked", "acked"]);
    expect((await q.stats()).totals.acked).toBe(1);
    expect(await q.redis.llen(q.keys.completed)).toBe(1);
  });

  test("wins over a cancel that was requested", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    await q.engine.cancel("a");
    expect(await q.ack(grant)).toBe("acked");
    expect(await q.task("a")).toMatchObject({ state: "completed", cancelRequested: false });
  });
});

describe("fail", () => {
  test("schedules the next attempt after the delay, with the error in the history", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    expect(await q.fail(grant, "Error: 100%25 broken%0A    at x", 700)).toBe("retried");
    expect(await q.task("a")).toMatchObject({
      state: "scheduled",
      runAt: q.now + 700,
      attempts: 1,
      failures: 1,
      crashes: 0,
      lastError: "Error: 100% broken\n    at x",
      history: [{ attempt: 1, generation: 0, outcome: "failed", workerId: "w1", fence: grant.fence }],
    });
  });

  test("makes the task dead after exactly maxRetries + 1 grants", async () => {
    const q = await setup();
    await q.add("a", { maxRetries: 2 });
    const outcomes = [];
    for (let i = 0; i < 3; i++) outcomes.push(await q.fail(await q.grant(), `Error: ${i}`));
    expect(outcomes).toEqual(["retried", "retried", "dead"]);
    expect((await q.acquire(1)).grants).toEqual([]);
    expect(await q.task("a")).toMatchObject({
      state: "dead",
      deadReason: "retries_exhausted",
      attempts: 3,
      failures: 3,
      lastError: "Error: 2",
    });
    expect((await q.stats()).totals).toMatchObject({ failed: 3, retried: 2, deadLettered: 1, attempts: 3 });
  });

  test("uses the maxRetries of the worker if the task sets none", async () => {
    const q = await setup();
    await q.add("a");
    expect(await q.fail(await q.grant({ maxRetries: 0 }))).toBe("dead");
  });

  test("keeps the last 32 attempts", async () => {
    const q = await setup();
    await q.add("a", { maxRetries: 100 });
    for (let i = 0; i < 35; i++) await q.fail(await q.grant(), `e${i}`);
    const { history } = await q.task("a");
    expect(history.map((attempt) => attempt.error)).toEqual(
      Array.from({ length: 32 }, (_, i) => `e${i + 3}`),
    );
  });

  test("ends a task whose cancel was requested as cancelled", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    await q.engine.cancel("a");
    expect(await q.fail(grant)).toBe("cancelled");
    expect((await q.task("a")).state).toBe("cancelled");
  });
});

test("a fatal error goes straight to the dead letters", async () => {
  const q = await setup();
  await q.add("a");
  expect(await q.fatal(await q.grant(), "FatalError: no such user")).toBe("dead");
  expect(await q.task("a")).toMatchObject({
    state: "dead",
    deadReason: "fatal",
    attempts: 1,
    lastError: "FatalError: no such user",
  });
});

test("an undecodable task is quarantined with its raw bytes and does not block its neighbours", async () => {
  const q = await setup();
  const raw = "garbage without a header";
  await q.engine.enqueue({ checked: false, high: 0, normal: 1, low: 0, tail: ["bad", raw] });
  await q.add("good");
  const { grants } = await q.acquire(2);
  const bad = grants.find(({ id }) => id === "bad");
  expect(bad?.envelope).toBe(raw);
  const verdict = { kind: "quarantine" as const, id: "bad", fence: bad?.fence ?? "", error: "no header" };
  expect(await q.settle([verdict])).toEqual(["dead"]);
  expect(await q.redis.hget(q.keys.tasks, "bad")).toBe(raw);
  expect(await q.redis.hget(q.keys.state, "bad")).toContain("undecodable");
  expect(grants.map(({ id }) => id)).toContain("good");
});

describe("release", () => {
  test("puts the task at the head of its band with the attempt refunded", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    expect(await q.release(await q.grant())).toBe("released");
    expect(await q.task("a")).toMatchObject({ state: "pending", attempts: 0, releases: 1 });
    expect((await q.grant()).id).toBe("a");
    expect((await q.task("a")).attempts).toBe(1);
  });

  test("keeps the order of several", async () => {
    const q = await setup();
    await q.add(["a", "b", "c"]);
    const { grants } = await q.acquire(2);
    await q.settle(grants.map(({ id, fence }) => ({ kind: "release", id, fence })));
    expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["a", "b", "c"]);
  });

  test("goes back to the band it came from", async () => {
    const q = await setup();
    await q.add("h", { priority: "high" });
    await q.release(await q.grant());
    expect((await q.stats()).pendingByPriority).toEqual({ high: 1, normal: 0, low: 0 });
  });

  test("is refunded ten times, and the eleventh uses up the attempt", async () => {
    const q = await setup();
    await q.add("a", { maxRetries: 1 });
    for (let i = 1; i <= 10; i++) {
      expect(await q.release(await q.grant())).toBe("released");
      expect((await q.task("a")).attempts).toBe(0);
    }
    expect(await q.release(await q.grant())).toBe("released");
    expect(await q.task("a")).toMatchObject({ state: "pending", attempts: 1, releases: 11 });
    expect(await q.release(await q.grant())).toBe("dead");
    expect(await q.task("a")).toMatchObject({ state: "dead", deadReason: "releases_exhausted" });
  });

  test("never lets two grants share a token, although the attempt number repeats", async () => {
    const q = await setup();
    await q.add("a");
    const first = await q.grant();
    await q.release(first);
    const second = await q.grant();
    expect(second.token).not.toBe(first.token);
    expect(await q.ack(first)).toBe("stale");
    expect(await q.ack(second)).toBe("acked");
  });

  test("ends a task whose cancel was requested as cancelled", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    await q.engine.cancel("a");
    expect(await q.release(grant)).toBe("cancelled");
  });
});

describe("fencing (I5)", () => {
  test("an ack of a first grant needs its own token, even if another token is as long", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    const [a, b] = [await q.grant(), await q.grant()];
    expect(a.token).toHaveLength(b.token.length);
    const swapped = { ...a, fence: b.fence };
    expect([await q.ack(swapped), await q.ack(swapped, "1")]).toEqual(["stale", "stale"]);
    // A task that was handed back before it began has had no attempt. So its next grant looks like the first one.
    await q.settle([{ kind: "unstarted", id: a.id, fence: a.fence }]);
    const again = await q.grant();
    expect(again).toMatchObject({ id: "a", token: expect.stringMatching(/^3-/) });
    expect(await q.ack(a)).toBe("stale");
    expect((await q.task("a")).state).toBe("processing");
    expect(await q.ack(again)).toBe("acked");
  });

  test("tasks that share a fence are acked separately, each by its own record", async () => {
    const q = await setup();
    await q.add(["a", "b", "c", "d"]);
    const { grants } = await q.acquire(4);
    expect(new Set(grants.map(({ fence }) => fence)).size).toBe(1);
    const [a, b] = grants as [Grant, Grant];
    await q.release(b);
    expect(await q.ack(a)).toBe("acked");
    const again = await q.grant({ workerId: "w2" });
    expect(again.id).toBe("b");
    const verdicts = ["c", "b", "a", "d", "nobody"].map((id) => ({
      kind: "ack" as const,
      id,
      fence: a.fence,
    }));
    expect(await q.settle(verdicts)).toEqual(["acked", "stale", "acked", "acked", "unknown"]);
    expect(await q.task("b")).toMatchObject({ state: "processing", fence: again.fence });
    expect(await q.stats()).toMatchObject({ completed: 3, processing: 1, totals: { acked: 3, stale: 1 } });
  });

  test("no verdict of a previous holder changes anything", async () => {
    await expectFenced(await setup());
  });

  test("a refused verdict is counted", async () => {
    const q = await setup();
    await q.add("a");
    const grant = await q.grant();
    await q.release(grant);
    await q.ack(grant);
    await q.fail(grant);
    expect((await q.stats()).totals.stale).toBe(2);
  });

  test("a token that was never granted fits no task in any state", async () => {
    const q = await setup();
    await q.add(["pending", "leased"]);
    await q.redis.lrem(q.keys.pending, 0, "leased");
    await q.redis.lpush(q.keys.pending, "leased");
    await q.grant();
    for (const id of ["pending", "leased"]) {
      for (const verdict of everyVerdict(id, "1-forged")) {
        const [outcome] = await q.settle([verdict]);
        expect(["stale", "unknown"]).toContain(outcome);
      }
    }
    expect((await q.task("pending")).state).toBe("pending");
    expect((await q.task("leased")).state).toBe("processing");
  });

  test("a verdict on a missing task is answered unknown", async () => {
    const q = await setup();
    for (const verdict of everyVerdict("nobody", "1-x"))
      expect(await q.settle([verdict])).toEqual(["unknown"]);
  });

  test("if one call has two verdicts on one task, the first one counts", async () => {
    const q = await setup();
    await q.add("a");
    const { id, fence } = await q.grant();
    expect(
      await q.settle([
        { kind: "ack", id, fence },
        { kind: "fail", id, fence, delayMs: 0, error: "x" },
      ]),
    ).toEqual(["acked", "stale"]);
  });

  test("if one call has two acks of one task, the first one counts", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    const { grants } = await q.acquire(2);
    const acks = [...grants, ...grants].map(({ id, fence }) => ({ kind: "ack" as const, id, fence }));
    expect(await q.settle(acks)).toEqual(["acked", "acked", "stale", "stale"]);
    expect(await q.stats()).toMatchObject({ completed: 2, processing: 0, totals: { acked: 2 } });
    expect(await q.redis.llen(q.keys.completed)).toBe(2);
  });
});

describe("one call with all kinds of verdicts", () => {
  test("answers in the order given and acquires in the same round trip", async () => {
    const q = await setup();
    await q.add(["a", "b", "c", "d", "e", "f"]);
    const { grants } = await q.acquire(5);
    const fence = (id: string) => grants.find((grant) => grant.id === id)?.fence ?? "";
    const trip = await q.engine.settle(
      [
        { kind: "fail", id: "a", fence: fence("a"), delayMs: 9, error: "x" },
        { kind: "ack", id: "b", fence: fence("b") },
        { kind: "fatal", id: "c", fence: fence("c"), error: "x" },
        { kind: "ack", id: "d", fence: fence("d"), resultText: "1" },
        { kind: "ack", id: "e", fence: "1-forged" },
      ],
      q.roundTripArgs({ want: 5 }),
    );
    expect(trip.outcomes).toEqual(["retried", "acked", "dead", "acked", "stale"]);
    expect(trip.grants.map(({ id }) => id)).toEqual(["f"]);
    expect((await q.task("d")).resultText).toBe("1");
  });

  test("acks of several grants in mixed order are answered in the given order", async () => {
    const q = await setup();
    await q.add(["a", "b", "c", "d", "e"]);
    const [first, second] = [await q.acquire(2), await q.acquire(2)];
    const older = await q.grant({ nonce: "older" });
    const [a, b, c, d] = [...first.grants, ...second.grants] as Grant[];
    const forged = { ...(b as Grant), fence: (c as Grant).fence };
    const verdicts = [d, forged, a, older, c, b].map((grant) => ({
      kind: "ack" as const,
      id: grant?.id ?? "",
      fence: grant?.fence ?? "",
    }));
    expect(await q.settle(verdicts)).toEqual(["acked", "stale", "acked", "acked", "acked", "acked"]);
  });

  test("500 verdicts and 500 wanted tasks fit in one call", async () => {
    const q = await setup();
    const ids = (from: number) => Array.from({ length: 500 }, (_, i) => `t${from + i}`);
    await q.engine.configure({ retentionCount: 100 });
    await q.add(ids(0));
    await q.add(ids(500));
    const { grants } = await q.acquire(500);
    const trip = await q.engine.settle(
      grants.map(({ id, fence }) => ({ kind: "ack", id, fence, resultText: "1" })),
      q.roundTripArgs({ want: 500 }),
    );
    expect(trip.outcomes).toEqual(new Array(500).fill("acked"));
    expect(trip.grants).toHaveLength(500);
    const last = trip.grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence }));
    expect(await q.settle(last)).toEqual(new Array(500).fill("acked"));
  });
});

describe("the same request sent twice", () => {
  test("gives the same verdicts and the same granted tasks, and does nothing more", async () => {
    const q = await setup();
    await q.add(["a", "b", "c", "d", "e"]);
    const { grants } = await q.acquire(3);
    const verdicts = [
      { kind: "ack" as const, id: "a", fence: grants[0]?.fence ?? "" },
      { kind: "fail" as const, id: "b", fence: grants[1]?.fence ?? "", delayMs: 60_000, error: "x" },
      { kind: "unrouted" as const, id: "c", fence: grants[2]?.fence ?? "", delayMs: 60_000 },
    ];
    const args = q.roundTripArgs({ want: 1 });
    const first = await q.engine.settle(verdicts, args, request(1));
    expect(first.outcomes).toEqual(["acked", "retried", "released"]);
    const stats = await q.stats();
    expect(await q.engine.settle(verdicts, args, request(1))).toEqual(first);
    expect(await q.stats()).toEqual(stats);
  });

  test("a repeated release is not stale", async () => {
    const q = await setup();
    await q.add("a");
    const { id, fence } = await q.grant();
    const verdicts = [{ kind: "release" as const, id, fence }];
    const args = q.roundTripArgs();
    const first = await q.engine.settle(verdicts, args, request(7));
    expect((await q.engine.settle(verdicts, args, request(7))).outcomes).toEqual(first.outcomes);
    expect((await q.task("a")).releases).toBe(1);
  });

  test("is refused after a later request of the same slot was answered", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    const { grants } = await q.acquire(2);
    const ack = (i: number) => ({
      kind: "ack" as const,
      id: grants[i]?.id ?? "",
      fence: grants[i]?.fence ?? "",
    });
    await q.engine.settle([ack(0)], q.roundTripArgs(), request(2));
    await expect(q.engine.settle([ack(1)], q.roundTripArgs(), request(1))).rejects.toMatchObject({
      code: "outcome_unknown",
    });
    expect((await q.task("b")).state).toBe("processing");
  });
});

describe("retention by count", () => {
  test.each([0, 1, 3])(
    "at most %i completed tasks stay, however many one call completes",
    async (retentionCount) => {
      const q = await setup();
      await q.engine.configure({ retentionCount });
      for (let round = 0; round < 3; round++) {
        const ids = Array.from({ length: 5 }, (_, i) => `r${round}-${i}`);
        await q.add(ids);
        const { grants } = await q.acquire(5);
        const acks = grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence, resultText: "1" }));
        expect(await q.settle(acks)).toEqual(new Array(5).fill("acked"));
      }
      await q.engine.purge(100, 3_600_000);
      const stats = await q.stats();
      expect(stats.completed).toBe(retentionCount);
      expect(stats.totals.purged).toBe(15 - retentionCount);
      expect(await q.redis.hlen(q.keys.results)).toBe(retentionCount);
    },
  );

  test("the given id of a task that was purged by count stays known", async () => {
    const q = await setup();
    await q.engine.configure({ retentionCount: 1 });
    await q.add(["first"], { fingerprint: "fp" });
    await q.ack(await q.grant());
    await q.add(["second", "third"]);
    await q.ack(await q.grant());
    await q.ack(await q.grant());
    expect(await q.view("first")).toBeNull();
    expect(await q.add("first", { fingerprint: "fp" })).toBe("d");
    expect(await q.add("first", { fingerprint: "other" })).toBe("c");
  });
});

test("a queue written by a newer layout is refused", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  q.corrupted = true;
  await expect(q.ack(grant)).rejects.toMatchObject({ code: "layout_too_new" });
});
