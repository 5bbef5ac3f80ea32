import { expect, test } from "vitest";
import { expectDeadAfterGrants, expectReapSpoilsToken, expectRunningLeaseIsLeft } from "./support/fence.ts";
import { setup } from "./support/setup.ts";
import { LEASE_MS } from "./support/test-queue.ts";

test("a lease that still runs is not taken back (I6)", async () => {
  await expectRunningLeaseIsLeft(await setup());
});

test("a task whose lease expired goes to the head of its band at once", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  const { grants } = await q.acquire(2);
  await q.add("c");
  expect(await q.crash()).toEqual({ requeued: 2, dead: 0, cancelled: 0, nextInMs: -1 });
  expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["a", "b", "c"]);
  expect(await q.task("a")).toMatchObject({
    state: "pending",
    attempts: 1,
    crashes: 1,
    failures: 0,
    history: [{ outcome: "crashed", fence: grants[0]?.fence, workerId: "w1", error: null }],
  });
});

test("the old token is stale for every verdict and heartbeat (I5)", async () => {
  await expectReapSpoilsToken(await setup());
});

test.each([0, 1, 3])(
  "a task that kills its worker is dead after %i retries and one grant (I8)",
  async (retries) => {
    await expectDeadAfterGrants(await setup(), retries);
  },
);

test("crashes and failures are counted separately, and share the attempts (I7)", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 3 });
  await q.fail(await q.grant());
  await q.grant();
  await q.crash();
  await q.fail(await q.grant());
  expect(await q.task("a")).toMatchObject({ attempts: 3, failures: 2, crashes: 1 });
  await q.grant();
  expect((await q.crash()).dead).toBe(1);
  expect(await q.task("a")).toMatchObject({
    state: "dead",
    deadReason: "crashes_exhausted",
    attempts: 4,
    failures: 2,
    crashes: 2,
  });
  expect((await q.stats()).totals).toMatchObject({ crashed: 2, failed: 2, retried: 2, deadLettered: 1 });
});

test("after its second crash a task waits to run alone", async () => {
  const q = await setup();
  await q.add("a");
  await q.grant();
  await q.crash();
  expect((await q.stats()).pendingSolo).toBe(0);
  await q.grant();
  await q.crash();
  expect(await q.task("a")).toMatchObject({ solo: true });
  expect((await q.stats()).pendingSolo).toBe(1);
});

test("each task goes back to its band", async () => {
  const q = await setup();
  await q.add("h", { priority: "high" });
  await q.add("l", { priority: "low" });
  await q.acquire(2);
  await q.crash();
  expect((await q.stats()).pendingByPriority).toEqual({ high: 1, normal: 0, low: 1 });
});

test("a task whose cancel was requested ends as cancelled", async () => {
  const q = await setup();
  await q.add("a");
  await q.grant();
  await q.engine.cancel("a");
  expect(await q.crash()).toMatchObject({ requeued: 0, cancelled: 1 });
  expect(await q.task("a")).toMatchObject({ state: "cancelled", crashes: 1, cancelRequested: false });
});

test("a call takes back no more tasks than its limit, and returns when the next lease expires", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"]);
  await q.acquire(3);
  await q.add("d");
  q.advance(10);
  await q.acquire(1);
  q.advance(LEASE_MS - 10);
  expect(await q.engine.reap(2)).toEqual({ requeued: 2, dead: 0, cancelled: 0, nextInMs: 0 });
  expect(await q.engine.reap(2)).toEqual({ requeued: 1, dead: 0, cancelled: 0, nextInMs: 10 });
});

test("two janitors take a task back once", async () => {
  const q = await setup();
  await q.add("a");
  await q.grant();
  q.advance(LEASE_MS);
  const reaped = await Promise.all([q.engine.reap(10), q.otherEngine("other").reap(10)]);
  expect(reaped.map(({ requeued }) => requeued).sort()).toEqual([0, 1]);
  expect((await q.task("a")).crashes).toBe(1);
});

test("500 leases fit in one call", async () => {
  const q = await setup();
  await q.add(Array.from({ length: 500 }, (_, i) => `t${i}`));
  await q.acquire(500);
  expect((await q.crash()).requeued).toBe(500);
  expect((await q.acquire(500)).grants[0]?.id).toBe("t0");
});

test("a queue that was written with a newer layout is not changed", async () => {
  const q = await setup();
  await q.add("a");
  await q.grant();
  q.corrupted = true;
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  await expect(q.crash()).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.zcard(q.keys.processing)).toBe(1);
});
