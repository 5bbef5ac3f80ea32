import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";
import { LEASE_MS, type TestQueue } from "./support/test-queue.ts";

/**
 * Makes a queue with a task that crashed two workers, and so has to run alone. The worker "w1" holds another task.
 */
async function withSolo(): Promise<{ q: TestQueue; held: { id: string; fence: string } }> {
  const q = await setup();
  await q.add("poison");
  for (let crash = 0; crash < 2; crash++) {
    await q.grant();
    await q.crash();
  }
  await q.add(["plain", "more"]);
  const { grants } = await q.acquire(1, { held: 1, workerId: "w1" });
  const [held] = grants;
  if (!held) throw new Error("nothing was granted");
  return { q, held };
}

const asks = (q: TestQueue, workerId: string) =>
  q.acquire(1, { held: 1, workerId }).then((trip) => trip.makeRoom);

test("a worker that makes room keeps its claim by its settles, so no second worker makes room for the same task", async () => {
  const { q, held } = await withSolo();
  q.advance(LEASE_MS - 1);
  const { makeRoom } = await q.engine.settle(
    [{ kind: "fail", ...held, delayMs: 600_000, error: "x" }],
    q.roundTripArgs({ held: 1, workerId: "w1" }),
  );
  expect(makeRoom).toBe(true);
  q.advance(2); // By now the first claim has expired.
  expect(await asks(q, "w2")).toBe(false);
});

test("a claim that is not renewed expires after a lease", async () => {
  const { q } = await withSolo();
  q.advance(LEASE_MS - 1);
  expect(await asks(q, "w2")).toBe(false);
  q.advance(2);
  expect(await asks(q, "w2")).toBe(true);
});

test("a worker that makes room learns that another one took the task", async () => {
  const { q, held } = await withSolo();
  const { grants, solo } = await q.acquire(1, { held: 0, workerId: "w2" });
  expect([grants[0]?.id, solo]).toEqual(["poison", true]);
  const { makeRoom } = await q.engine.settle([{ kind: "ack", ...held }], q.roundTripArgs({ workerId: "w1" }));
  expect(makeRoom).toBe(false);
});

test("promoted tasks that the caller does not take wake the sleeping workers", async () => {
  const q = await setup();
  await q.add(["a", "b"], { delayMs: 10 });
  expect((await q.acquire(1, { park: true, workerId: "sleeper" })).grants).toEqual([]);
  q.advance(11);
  const waker = q.redis.duplicate();
  try {
    const woken = new Promise((resolve) => waker.once("smessage", resolve));
    await waker.ssubscribe(q.keys.wake);
    expect((await q.acquire(1)).grants).toHaveLength(1);
    expect(await woken).toBe(q.keys.wake);
  } finally {
    waker.disconnect();
  }
});
