import { expect, test } from "vitest";
import { RATE_LIMITED_MAX } from "../src/engine/format.ts";
import { setup } from "./support/setup.ts";
import type { TestQueue } from "./support/test-queue.ts";

// The settings per type as a worker sends them, the most specific rules first.
const OWN_TERMS = ",email.send=0:,email.bulk.*=:5000,email.*=1:7200000";
const MINUTE = 60_000;

/** Grants one task of the type. @returns how often the task may run, and how long an attempt may take, ms */
async function termsOf(q: TestQueue, type: string, options: object = {}) {
  await q.add("a", { type, ...options });
  await q.acquire(1, { ownTerms: OWN_TERMS, maxRetries: 3 });
  const record = (await q.redis.hget(q.keys.state, "a")) ?? "";
  const [, grantedAt, deadline, attempts] = /^l\S+ \S+ (\d+) (\d+) (\d+) /.exec(record) ?? [];
  return { attempts: Number(attempts), timeoutMs: Number(deadline) - Number(grantedAt) - 250 };
}

test.each([
  ["report", {}, { attempts: 4, timeoutMs: 30 * MINUTE }],
  ["email.send", {}, { attempts: 1, timeoutMs: 30 * MINUTE }],
  ["email.sent", {}, { attempts: 2, timeoutMs: 120 * MINUTE }],
  ["email.bulk.x", {}, { attempts: 4, timeoutMs: 5_000 }],
  ["email.send", { maxRetries: 7, timeoutMs: 100 }, { attempts: 8, timeoutMs: 100 }],
  ["email.sent", { tags: ["x"] }, { attempts: 2, timeoutMs: 120 * MINUTE }],
])("a lease of %s with %j has the terms of the most exact rule", async (type, options, terms) => {
  expect(await termsOf(await setup(), type, options)).toEqual(terms);
});

test("tasks of several types in one grant each have their own terms", async () => {
  const q = await setup();
  for (const [id, type] of Object.entries({
    a: "report",
    b: "email.send",
    c: "report",
    d: "email.x",
    e: "email.send",
  }))
    await q.add(id, { type });
  await q.acquire(5, { ownTerms: OWN_TERMS });
  const records = await q.redis.hmget(q.keys.state, "a", "b", "c", "d", "e");
  expect(records.map((record) => Number(record?.split(" ")[4]))).toEqual([4, 1, 4, 2, 1]);
});

test("a crash counts against the retries of the type as well", async () => {
  const q = await setup();
  await q.add("a", { type: "email.send" });
  await q.acquire(1, { ownTerms: OWN_TERMS });
  expect(await q.crash()).toMatchObject({ dead: 1, requeued: 0 });
});

test("a task that is granted by push has the terms of the parked request", async () => {
  const q = await setup();
  const subscriber = q.redis.duplicate();
  await subscriber.ssubscribe(`${q.keys.wake}:w1`);
  await q.acquire(2, { ownTerms: OWN_TERMS, workerId: "w1", park: true });
  await q.add("a", { type: "email.send" });
  const record = (await q.redis.hget(q.keys.state, "a")) ?? "";
  expect(record.split(" ").slice(4, 6)).toEqual(["1", "w1"]);
  subscriber.disconnect();
});

test("an error that does not count as a failure refunds the attempt 100 times, and then counts", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 0 });
  for (let n = 0; n < RATE_LIMITED_MAX; n++) {
    const { id, fence } = await q.grant();
    expect(await q.settleOne({ kind: "excuse", id, fence, delayMs: 1_000, error: "busy" })).toBe("released");
    expect(await q.task("a")).toMatchObject({
      state: "scheduled",
      attempts: 0,
      failures: 0,
      runAt: q.now + 1_000,
    });
    q.advance(1_000);
  }
  expect((await q.task("a")).history.at(-1)).toMatchObject({ outcome: "released", error: "busy" });
  const { id, fence } = await q.grant();
  expect(await q.settleOne({ kind: "excuse", id, fence, delayMs: 1_000, error: "busy" })).toBe("dead");
  expect(await q.task("a")).toMatchObject({ deadReason: "retries_exhausted", failures: 1 });
});

test.each([
  ["cancel", "cancelled", 0],
  ["drop", "failed", 1],
] as const)(
  "a verdict %s ends the task as cancelled, with its error in the history",
  async (kind, outcome, failures) => {
    const q = await setup();
    await q.add("a");
    const { id, fence } = await q.grant();
    expect(await q.settleOne({ kind, id, fence, error: "closed" })).toBe("cancelled");
    expect(await q.task("a")).toMatchObject({
      state: "cancelled",
      failures,
      history: [{ outcome, error: "closed" }],
    });
    expect(await q.stats()).toMatchObject({
      cancelled: 1,
      dead: 0,
      processing: 0,
      totals: { failed: failures },
    });
  },
);

test("a requested cancel wins over an error that does not count as a failure", async () => {
  const q = await setup();
  await q.add("a");
  const { id, fence } = await q.grant();
  await q.engine.cancel("a");
  expect(await q.settleOne({ kind: "excuse", id, fence, delayMs: 1_000, error: "busy" })).toBe("cancelled");
});
