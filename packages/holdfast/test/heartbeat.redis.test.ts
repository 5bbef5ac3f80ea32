import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";
import { LEASE_MS } from "./support/test-queue.ts";

test("extends the lease from now", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  q.advance(20_000);
  expect(await q.engine.heartbeat([id, fence], LEASE_MS)).toBe("r");
  expect((await q.task("a")).leaseExpiresAt).toBe(q.now + LEASE_MS);
});

test("extends a lease that has expired but was not taken back yet", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  q.advance(LEASE_MS + 5);
  expect(await q.engine.heartbeat([id, fence], LEASE_MS)).toBe("r");
  expect((await q.engine.reap(10)).requeued).toBe(0);
});

test("never extends a lease beyond the deadline of the attempt, and is refused past it", async () => {
  const q = await setup();
  await q.add("a", { timeoutMs: 40_000 });
  const { id, fence } = await q.grant();
  // The deadline is the time-out, plus 250 ms in which the verdict of the worker may still arrive.
  const deadline = q.now + 40_250;
  q.advance(25_000);
  expect(await q.engine.heartbeat([id, fence], LEASE_MS)).toBe("r");
  expect((await q.task("a")).leaseExpiresAt).toBe(deadline);
  q.advance(15_249);
  expect(await q.engine.heartbeat([id, fence], LEASE_MS)).toBe("r");
  q.advance(1);
  expect(await q.engine.heartbeat([id, fence], LEASE_MS)).toBe("l");
  expect(await q.engine.reap(10)).toMatchObject({ requeued: 1 });
});

test("a stale or unknown pair is lost, and changes neither the lease nor the other leases of the call (I5)", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  const { grants } = await q.acquire(2);
  const [a, b] = grants;
  if (!a || !b) throw new Error("not both tasks were granted");
  const expiresAt = (await q.task("a")).leaseExpiresAt;
  q.advance(10);
  const pairs = ["a", "1-forged", "b", b.fence, "nobody", "1-x"];
  expect(await q.engine.heartbeat(pairs, LEASE_MS)).toBe("lrl");
  expect((await q.task("a")).leaseExpiresAt).toBe(expiresAt);
  expect((await q.task("b")).leaseExpiresAt).toBe(q.now + LEASE_MS);
});

test("the previous holder loses a lease that was granted again", async () => {
  const q = await setup();
  await q.add("a");
  const first = await q.grant();
  await q.crash();
  const second = await q.grant({ workerId: "w2" });
  expect(await q.engine.heartbeat(["a", first.fence, "a", second.fence], LEASE_MS)).toBe("lr");
});

test("does not give a settled task a lease again", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await q.ack(grant);
  expect(await q.engine.heartbeat(["a", grant.fence], LEASE_MS)).toBe("l");
  expect(await q.redis.zcard(q.keys.processing)).toBe(0);
});

test("reports a cancel that was requested, and keeps the lease until the worker settles", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  await q.engine.cancel("a");
  q.advance(5);
  expect(await q.engine.heartbeat([id, fence], LEASE_MS)).toBe("c");
  expect((await q.task("a")).leaseExpiresAt).toBe(q.now + LEASE_MS);
});
