// Tests of the scripts for limits that several queues share. A share is the part that one queue gets.
import { nanoid } from "nanoid";
import { expect, test } from "vitest";
import { readKeys, setLimits } from "../src/engine/limits.ts";
import { type Share, SharedLimits, setShare } from "../src/engine/shared-limits.ts";
import { findViolations } from "./support/invariants.ts";
import { setup } from "./support/setup.ts";
import type { TestQueue } from "./support/test-queue.ts";

const RATE = { rate: { limit: 10, periodMs: 1_000 } };
const give = (q: TestQueue, version: number, share: Share | null, name = "db") =>
  setShare(q.engine, { name, version, limit: RATE }, share);
const taken = async (q: TestQueue, want: number) => (await q.acquire(want)).grants.length;

test("a queue runs no more tasks than its share, nor than its own limit, whichever is less", async () => {
  const q = await setup();
  await q.add(Array.from({ length: 20 }, (_, n) => `a${n}`));
  expect(await give(q, 1, { concurrency: 3 })).toBe(0);
  expect(await taken(q, 10)).toBe(3);
  expect(await give(q, 2, { concurrency: 5 })).toBe(3);
  await setLimits(q.engine, { queue: { concurrency: 4 } });
  expect(await taken(q, 10)).toBe(1);
  await setLimits(q.engine, {});
  expect(await taken(q, 10)).toBe(1);
  expect((await readKeys(q.engine, {})).limits).toMatchObject({ blockedBy: "shared", running: 5 });
  expect(await give(q, 3, { concurrency: 0 }, "other")).toBe(5);
  expect((await readKeys(q.engine, {})).shares.map(({ name, share }) => [name, share])).toEqual([
    ["db", { concurrency: 5 }],
    ["other", { concurrency: 0 }],
  ]);
  await give(q, 4, null, "other");
  await give(q, 4, null);
  expect(await taken(q, 100)).toBe(15);
  expect(await findViolations(q.redis, q.keys)).toEqual([]);
});

test("an older share never replaces a newer one", async () => {
  const q = await setup();
  await give(q, 5, { concurrency: 1 });
  expect(await give(q, 4, { concurrency: 9 })).toBeNull();
  expect(await give(q, 4, null)).toBeNull();
  expect((await readKeys(q.engine, {})).shares).toMatchObject([{ share: { concurrency: 1 } }]);
  expect(await give(q, 5, { concurrency: 2 })).toBe(0);
});

test("the rate of a share is counted, and a task that was not begun gives it back", async () => {
  const q = await setup();
  await q.add(["a", "b", "c", "d"]);
  await give(q, 1, { rate: 10, burst: 2 });
  const { grants } = await q.acquire(10);
  expect(grants).toHaveLength(2);
  expect(await taken(q, 10)).toBe(0);
  const [first] = grants;
  await q.settle([{ kind: "unstarted", id: first?.id ?? "", fence: first?.fence ?? "" }]);
  expect(await taken(q, 10)).toBe(1);
  q.advance(100);
  expect(await taken(q, 10)).toBe(1);
  await give(q, 2, { rate: 0 });
  q.advance(10_000);
  expect(await taken(q, 10)).toBe(0);
});

test("a shared limit that somebody else has written meanwhile is not overwritten", async () => {
  const q = await setup();
  const limits = new SharedLimits(q.engine.connection, `t${nanoid(10)}`);
  const limit = { version: 1, limit: { concurrency: 4 }, queues: ["a", "b"], shares: {} };
  const first = await limits.write("db", null, limit);
  expect(await limits.write("db", null, limit)).toBeNull();
  expect(await limits.write("db", first, { ...limit, version: 2 })).toMatchObject({ version: 2 });
  expect(await limits.write("db", first, { ...limit, version: 2 })).toBeNull();
  if (first) expect(await limits.forget(first)).toBe(false);
  const [now] = await limits.all();
  if (now) expect(await limits.forget(now)).toBe(true);
  expect(await limits.get("db")).toBeNull();
});
