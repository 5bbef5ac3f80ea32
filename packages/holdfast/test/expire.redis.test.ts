import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { setup } from "./support/setup.ts";

const NONE = { high: 0, normal: 0, low: 0 };

test("pending tasks past their expiresAt end as expired in every list, without a worker", async () => {
  const q = await setup();
  const old = { expiresAt: q.now + 100_000 };
  await q.add("solo", { ...old, type: "solo" });
  for (let crashes = 0; crashes < 2; crashes++) {
    await q.grant();
    await q.crash();
  }
  await q.add("aside", { ...old, type: "report" });
  await q.acquire(5, { types: " solo", held: 1 });
  await q.add("high", { ...old, priority: "high" });
  await q.add(["n1", "n2"], old);
  await q.add("low", { ...old, priority: "low", fingerprint: "f" });
  q.clock.nowMs = old.expiresAt - 1;
  expect(await q.engine.expire(100)).toEqual({ expired: 0, dropped: 0, next: 0 });
  q.advance(1);
  expect(await q.engine.expire(100)).toEqual({ expired: 6, dropped: 6, next: 0 });
  expect(await q.stats()).toMatchObject({
    pending: 0,
    pendingByPriority: NONE,
    pendingSolo: 0,
    pendingTyped: 0,
    expired: 6,
    totals: { expired: 6 },
  });
  expect(await q.task("low")).toMatchObject({ state: "expired", endedAt: q.now });
  const lists = [
    q.keys.pendingHigh,
    q.keys.pending,
    q.keys.pendingLow,
    q.keys.pendingSolo,
    q.keys.pendingTyped,
  ];
  expect(await q.redis.exists(...lists)).toBe(0);
});

test("a task behind a task that does not expire ends too, and a later call drops its entry", async () => {
  const q = await setup();
  await q.add("stays");
  await q.add("old", { expiresAt: q.now + 1 });
  await q.add("last");
  q.advance(1);
  expect(await q.engine.expire(100)).toMatchObject({ expired: 1, dropped: 0 });
  expect(await q.stats()).toMatchObject({ pending: 2, pendingByPriority: { normal: 2 }, expired: 1 });
  expect(await q.engine.expire(100)).toMatchObject({ expired: 0, dropped: 0 });
  expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["stays", "last"]);
  expect(await q.stats()).toMatchObject({ pendingByPriority: NONE });
});

test("calls with consecutive windows reach every entry, and end", async () => {
  const q = await setup();
  for (let i = 0; i < 7; i++) await q.add(`n${i}`, i % 2 === 1 ? { expiresAt: q.now + 1 } : {});
  q.advance(1);
  const windows = [];
  for (let from = 0; windows.length < 10; ) {
    const { expired, next } = await q.engine.expire(2, from);
    windows.push(expired);
    from = next;
    if (from === 0) break;
  }
  expect(windows).toEqual([1, 1, 1, 0]);
});

test("a call reads at most a megabyte of payloads, and the next call continues there", async () => {
  const q = await setup();
  const old = { expiresAt: q.now + 1, payloadText: JSON.stringify("x".repeat(400_000)) };
  await q.add("stays", { payloadText: old.payloadText });
  await q.add(["a", "b", "c"], old);
  q.advance(1);
  expect(await q.engine.expire(100)).toEqual({ expired: 2, dropped: 0, next: 3 });
  expect(await q.engine.expire(100, 3)).toEqual({ expired: 1, dropped: 0, next: 0 });
});

test("running and scheduled tasks do not expire", async () => {
  const q = await setup();
  await q.add("runs", { expiresAt: q.now + 1 });
  await q.grant();
  await q.add("later", { expiresAt: q.now + 1, delayMs: 10 });
  q.advance(1);
  expect(await q.engine.expire(100)).toMatchObject({ expired: 0 });
  expect(await q.stats()).toMatchObject({ processing: 1, scheduled: 1, expired: 0 });
});

test("a paused queue expires its tasks too", async () => {
  const q = await setup();
  await q.add("old", { expiresAt: q.now + 1 });
  await q.engine.pause(true);
  q.advance(1);
  expect(await q.engine.expire(100)).toMatchObject({ expired: 1 });
});

describe("cancelled tasks no longer count as waiting", () => {
  test("in their band, and for the age of the oldest one", async () => {
    const q = await setup();
    for (const priority of ["high", "normal", "low"] as const) {
      await q.add([`${priority}1`, `${priority}2`], { priority });
      await q.engine.cancel(`${priority}1`);
    }
    await q.engine.cancel("high2");
    await q.add("young");
    q.advance(100);
    expect(await q.stats()).toMatchObject({
      pending: 3,
      pendingByPriority: { high: 0, normal: 2, low: 1 },
      oldestPendingAgeMs: 100,
    });
    for (const id of ["normal2", "low2", "young"]) await q.engine.cancel(id);
    expect(await q.stats()).toMatchObject({ pending: 0, pendingByPriority: NONE, oldestPendingAgeMs: 0 });
    expect((await q.acquire(10)).grants).toEqual([]);
    await q.add(["h", "h2"], { priority: "high" });
    await q.add("l", { priority: "low" });
    expect(await q.stats()).toMatchObject({ pendingByPriority: { high: 2, normal: 0, low: 1 } });
  });

  test("the oldest task is found behind 250 cancelled tasks, even if a cancelled task was put aside by type", async () => {
    const q = await setup();
    const gone = Array.from({ length: 250 }, (_, i) => `gone${i}`);
    await q.add(gone);
    q.advance(50);
    await q.add("old");
    q.advance(10);
    await q.add("cancelled", { type: "report" });
    await q.acquire(500, { types: " none" });
    for (const id of [...gone, "cancelled"]) await q.engine.cancel(id);
    expect(await q.stats()).toMatchObject({ pending: 1, pendingTyped: 1, oldestPendingAgeMs: 10 });
    expect(await q.stats()).toMatchObject({ pendingByPriority: { high: 0, normal: 1, low: 0 } });
  });

  test("in the lines by type and among solo tasks, through reject, empty and acquire", async () => {
    const q = await setup();
    await q.add("killer", { type: "k" });
    for (let crashes = 0; crashes < 2; crashes++) {
      await q.grant();
      await q.crash();
    }
    await q.engine.cancel("killer");
    expect(await q.stats()).toMatchObject({ pending: 0, pendingSolo: 0 });
    await q.add(["a", "b", "c"], { type: "report", priority: "high" });
    // The first call only removes the entry of the cancelled task.
    for (let call = 0; call < 2; call++) await q.acquire(5, { types: " none", noHandlerAfterMs: 1 });
    for (const id of ["a", "b"]) await q.engine.cancel(id);
    expect(await q.stats()).toMatchObject({ pendingTyped: 1, pendingByPriority: { high: 1 } });
    q.advance(1);
    expect(await q.engine.reject([], "-", 100)).toMatchObject({ dead: 1 });
    expect(await q.stats()).toMatchObject({ pending: 0, pendingTyped: 0, pendingByPriority: NONE });
    await q.add(["d", "e"], { priority: "low" });
    await q.engine.cancel("d");
    await q.engine.empty("pendingLow", "pending", 100);
    await q.add("f", { priority: "low" });
    expect(await q.stats()).toMatchObject({ pendingByPriority: { ...NONE, low: 1 }, pendingSolo: 0 });
  });

  test("an id that was enqueued again in another band leaves no wrong count for ever", async () => {
    const q = await setup();
    await q.add("a", { priority: "high", fingerprint: "f" });
    await q.engine.cancel("a");
    await q.engine.enqueueAgain(["a", encodeEnvelope("t", q.now, "{}", {}, "f")]);
    expect((await q.acquire(5)).grants).toHaveLength(1);
    await q.engine.audit(true);
    await q.add("b", { priority: "high" });
    expect(await q.stats()).toMatchObject({ pending: 1, pendingByPriority: { high: 1, normal: 0, low: 0 } });
  });
});
