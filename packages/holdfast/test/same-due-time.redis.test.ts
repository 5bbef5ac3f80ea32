import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { listPart } from "../src/observer/task-list.ts";
import { setup } from "./support/setup.ts";
import type { TestQueue } from "./support/test-queue.ts";

/** Returns ids that sort in another order than the one in which they are made. */
const ids = (count: number, mark = "") =>
  Array.from({ length: count }, (_, n) => `${String((n * 7_919) % 9_973).padStart(4, "0")}${mark}-${n}`);

/** Enqueues tasks in one call. */
async function addTogether(
  q: TestQueue,
  tasks: [id: string, options: { delayMs?: number; runAt?: number }][],
) {
  const tail = tasks.flatMap(([id, options]) => [id, encodeEnvelope("t", q.now, "{}", options)]);
  return q.engine.enqueue({ checked: false, high: 0, normal: 0, low: 0, tail });
}

/** Moves the clock so that the tasks become due. @returns their ids in the order of the grants */
async function granted(q: TestQueue, byMs: number, how: "promote" | "acquire" | "settle"): Promise<string[]> {
  q.advance(byMs);
  const order: string[] = [];
  for (;;) {
    if (how === "promote") while ((await q.engine.promote(200)).promoted > 0);
    const args = q.roundTripArgs({ want: 100 });
    const { grants } = how === "settle" ? await q.engine.settle([], args) : await q.engine.acquire(args);
    if (grants.length === 0) return order;
    order.push(...grants.map(({ id }) => id));
  }
}

describe.each(["promote", "acquire", "settle"] as const)("promoted by %s", (how) => {
  test("tasks with one due time run in the order of their enqueues, however their ids sort", async () => {
    const q = await setup();
    const all = ids(1_200);
    for (const id of all.slice(0, 20)) await q.add(id, { runAt: q.now + 500 });
    for (let at = 20; at < all.length; at += 500)
      await q.add(all.slice(at, at + 500), { runAt: q.now + 500 });
    expect(await granted(q, 500, how)).toEqual(all);
  });

  test("retries with the same wait run in the order of their failures, after tasks that were scheduled earlier for that time", async () => {
    const q = await setup();
    const [first, second, third] = [ids(5, "a"), ids(40, "b"), ids(5, "c")];
    await q.add(first, { delayMs: 1_000 });
    await q.add(second);
    const { grants } = await q.acquire(40);
    // Half of the tasks fail in one call, the others one by one.
    const fail = (n: number) => ({ kind: "fail" as const, ...(grants[n] as { id: string; fence: string }) });
    await q.settle(grants.slice(0, 20).map((_, n) => ({ ...fail(n), delayMs: 1_000, error: "x" })));
    for (let n = 20; n < 40; n++) await q.settle([{ ...fail(n), delayMs: 1_000, error: "x" }]);
    await q.add(third, { delayMs: 1_000 });
    expect(await granted(q, 1_000, how)).toEqual([...first, ...second, ...third]);
  });

  test("neighbouring due times stay in their order", async () => {
    const q = await setup();
    const all = ids(300);
    const tasks = all.map((id, n): [string, { delayMs: number }] => [id, { delayMs: 10 + (n % 3) }]);
    await addTogether(q, tasks);
    const at = (ms: number) => all.filter((_, n) => n % 3 === ms);
    q.advance(10);
    expect(await granted(q, 0, how)).toEqual(at(0));
    expect(await granted(q, 1, how)).toEqual(at(1));
    expect(await granted(q, 1, how)).toEqual(at(2));
  });
});

test("in any mix of calls and times no task is early, and tasks of one time run first in, first out", async () => {
  const step = fc.record({
    calls: fc.nat({ max: 3 }),
    times: fc.array(fc.nat({ max: 4 }), { maxLength: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const q = await setup();
      const begin = q.now;
      const expected = new Map<number, string[]>();
      let n = 0;
      for (const { calls, times } of steps) {
        const tasks = times.map((time): [string, { runAt: number }] => {
          const id = `${(n * 7_919) % 9_973}-${n++}`;
          const runAt = begin + 10 + time;
          expected.set(runAt, [...(expected.get(runAt) ?? []), id]);
          return [id, { runAt }];
        });
        if (calls === 0 && tasks.length > 0) await addTogether(q, tasks);
        else for (const task of tasks) await addTogether(q, [task]);
      }
      expect(await granted(q, 9, "promote")).toEqual([]);
      for (let time = 0; time <= 4; time++)
        expect(await granted(q, 1, "acquire")).toEqual(expected.get(begin + 10 + time) ?? []);
    }),
    { numRuns: 30 },
  );
});

test("tasks that do not fit into a millisecond use the next one: in order, never early, a millisecond late per 4,096 tasks", async () => {
  const q = await setup();
  const all = ids(9_000);
  const runAt = q.now + 1_000;
  for (let at = 0; at < all.length; at += 500) await q.add(all.slice(at, at + 500), { runAt });
  await q.add("one-later", { runAt: runAt + 1 });
  const late = ids(3, "z");
  await q.add(late, { runAt });
  expect(await granted(q, 999, "promote")).toEqual([]);
  const due = [...(await granted(q, 1, "promote")), ...(await granted(q, 1, "promote"))];
  expect(due).toEqual(all.slice(0, 8_192));
  expect(await granted(q, 1, "promote")).toEqual([...all.slice(8_192), "one-later", ...late]);
});

test("an enqueue tries at most the next 256 ms if a due time is full", async () => {
  const q = await setup();
  const runAt = q.now + 1_000;
  // These entries make each of these milliseconds look full, so that a new task needs a later one.
  const full = Array.from({ length: 257 }, (_, ms) => [runAt + ms + 1 - 2 ** -12, `full${ms}`]);
  await q.redis.zadd(q.keys.scheduled, ...full.flat().map(String));
  q.corrupted = true;
  await q.add("last", { runAt });
  expect(Number(await q.redis.zscore(q.keys.scheduled, "last"))).toBe(runAt + 257 - 2 ** -12);
});

test.each([
  ["the year 2039 and later, where a millisecond has fewer places", 2_300_000_000_000],
  ["a time in the far future", 8_640_000_000_000_000],
])("with a due time in %s the order is kept too", async (_, runAt) => {
  const q = await setup();
  const all = ids(200);
  await q.add(all, { runAt });
  expect(await q.redis.zrange(q.keys.scheduled, "0", "-1")).toEqual(all);
  expect((await q.task(all[0] as string)).runAt).toBe(runAt);
});

test("pages of scheduled tasks continue behind the last task, and show whole milliseconds", async () => {
  const q = await setup();
  const all = ids(25);
  await q.add(all, { delayMs: 1_000 });
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listPart("work", q.engine, {
      state: "scheduled",
      limit: 10,
      ...(cursor ? { cursor } : {}),
    });
    seen.push(...page.tasks.map(({ id }) => id));
    for (const { runAt } of page.tasks) expect(runAt).toBe(q.now + 1_000);
    cursor = page.cursor ?? undefined;
  } while (cursor);
  expect(seen).toEqual(all);
  const { tasks } = await listPart("work", q.engine, { state: "scheduled", from: q.now + 1_001 });
  expect(tasks).toEqual([]);
});

describe("a task that is already due needs no promotion", () => {
  test.each([
    ["delayMs: 0", () => ({ delayMs: 0 })],
    ["a runAt in the past", (now: number) => ({ runAt: now - 5_000 })],
    ["a runAt of this millisecond", (now: number) => ({ runAt: now })],
  ])("%s", async (_, options) => {
    const q = await setup();
    expect(await q.add(["a", "b"], options(q.now))).toBe("pp");
    expect(await q.add("c", { ...options(q.now), priority: "high", fingerprint: "fp" })).toBe("p");
    expect(await q.add("c", { ...options(q.now), priority: "high", fingerprint: "fp" })).toBe("d");
    expect(await q.task("a")).toMatchObject({ state: "pending" });
    expect(await q.stats()).toMatchObject({
      pending: 3,
      scheduled: 0,
      pendingByPriority: { high: 1, normal: 2 },
    });
    const { grants } = await q.acquire(3);
    expect(grants.map(({ id }) => id)).toEqual(["c", "a", "b"]);
  });

  test("if the same call has tasks that are not due, each gets its own answer", async () => {
    const q = await setup();
    await q.engine.acquire({ ...q.roundTripArgs({ want: 5 }), park: true });
    const answer = await addTogether(q, [
      ["later", { delayMs: 5 }],
      ["now", { delayMs: 0 }],
      ["at", { runAt: q.now + 5 }],
    ]);
    expect(answer.verdicts).toBe("npn");
    expect((await q.task("now")).state).toBe("pending");
    expect((await q.task("at")).state).toBe("scheduled");
    // An enqueue that grants to no parked request wakes the workers instead, and removes the request.
    expect(await q.redis.hget(q.keys.state, "#parked")).toBeNull();
  });
});

describe("a worker that waits", () => {
  const park = (q: TestQueue) => q.engine.acquire({ ...q.roundTripArgs({ want: 5 }), park: true });
  const isParked = async (q: TestQueue) => (await q.redis.hget(q.keys.state, "#parked")) !== null;

  test("learns when the next task is due", async () => {
    const q = await setup();
    expect((await park(q)).dueInMs).toBe(Number.POSITIVE_INFINITY);
    await q.add("b", { delayMs: 700 });
    await q.add("a", { delayMs: 300 });
    expect(await park(q)).toMatchObject({ parked: true, dueInMs: 300 });
    q.advance(100);
    expect(await park(q)).toMatchObject({ parked: true, dueInMs: 200 });
    await q.engine.pause(true);
    expect((await park(q)).dueInMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("is woken for a task that is due before all others, and for no other", async () => {
    const q = await setup();
    await park(q);
    await q.add("b", { delayMs: 700 });
    expect(await isParked(q)).toBe(false);
    await park(q);
    await q.add("c", { delayMs: 700 });
    await q.add("d", { delayMs: 701 });
    expect(await isParked(q)).toBe(true);
    await q.add("a", { delayMs: 699 });
    expect(await isParked(q)).toBe(false);
  });

  test("is woken for a retry that is due before all others", async () => {
    const q = await setup();
    await q.add(["a", "b"]);
    const { grants } = await q.acquire(2);
    await park(q);
    await q.fail(grants[0] as { id: string; fence: string }, "x", 700);
    expect(await isParked(q)).toBe(false);
    await park(q);
    await q.fail(grants[1] as { id: string; fence: string }, "x", 700);
    expect(await isParked(q)).toBe(true);
  });
});
