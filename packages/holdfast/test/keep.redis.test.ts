import { expect, test } from "vitest";
import { type ListOptions, listPart } from "../src/observer/task-list.ts";
import { setup } from "./support/setup.ts";
import { type AddOptions, type TestQueue, typesText } from "./support/test-queue.ts";

const IDLE_MS = 3_600_000;
const DAY_MS = 86_400_000;

async function complete(q: TestQueue, ids: string | string[], options: AddOptions): Promise<void> {
  await q.add(ids, options);
  for (const grant of (await q.acquire([ids].flat().length)).grants) await q.ack(grant, "1");
}

const purge = (q: TestQueue) => q.engine.purge(100, IDLE_MS);

/** Returns which of these tasks still exist. */
async function left(q: TestQueue, ids: string[]): Promise<string[]> {
  return (await q.engine.get(ids)).filter(({ envelope }) => envelope !== "").map(({ id }) => id);
}

test("a completed task with completedMs is kept for this time, whatever the retention of the queue", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 1_000, retentionCount: 1 });
  await complete(q, ["a", "b"], { keep: { completedMs: 5_000 } });
  await complete(q, ["plain"], {});
  expect(await q.redis.llen(q.keys.completed)).toBe(1);
  expect(await q.stats()).toMatchObject({ completed: 3 });
  expect((await q.task("a")).keptUntil).toBe(q.now + 5_000);
  q.advance(4_999);
  expect(await purge(q)).toMatchObject({ purged: 1 });
  expect(await left(q, ["a", "b", "plain"])).toEqual(["a", "b"]);
  q.advance(1);
  expect(await purge(q)).toMatchObject({ purged: 2 });
  expect(await left(q, ["a", "b"])).toEqual([]);
  expect(await q.stats()).toMatchObject({ completed: 0, totals: { purged: 3, acked: 3 } });
  expect(await q.redis.exists(q.keys.kept, q.keys.results, q.keys.keptTypes)).toBe(0);
});

test("completedMs can be longer than the retention of the queue, and 0", async () => {
  const q = await setup();
  await complete(q, ["long"], { keep: { completedMs: 30 * DAY_MS } });
  await complete(q, ["none"], { keep: { completedMs: 0 } });
  expect(await left(q, ["long", "none"])).toEqual(["long", "none"]);
  await purge(q);
  expect(await left(q, ["long", "none"])).toEqual(["long"]);
  q.advance(30 * DAY_MS - 1);
  await purge(q);
  expect(await left(q, ["long"])).toEqual(["long"]);
});

test("a call of purge looks at no more kept tasks than its limit", async () => {
  const q = await setup();
  await complete(q, ["a", "b", "c"], { keep: { completedMs: 0 } });
  const steps: number[] = [];
  for (let call = 0; call < 3; call++) steps.push((await q.engine.purge(2, IDLE_MS)).purged);
  expect(steps).toEqual([2, 1, 0]);
});

test("of the tasks of one type with the option keep.count, that many of the newest are kept", async () => {
  const q = await setup();
  await q.engine.configure({ retentionCount: 1 });
  for (const id of ["r1", "r2", "r3"]) {
    await complete(q, id, { type: "report", keep: { count: 2 } });
    await complete(q, `mail-${id}`, { type: "report.mail", keep: { count: 1 } });
    q.advance(1);
  }
  const all = ["r1", "r2", "r3", "mail-r1", "mail-r2", "mail-r3"];
  expect(await left(q, all)).toEqual(["r2", "r3", "mail-r3"]);
  // The count applies only to tasks that name a count. So these stay.
  await complete(q, ["r4", "r5"], { type: "report" });
  await complete(q, ["r6"], { type: "report", keep: { completedMs: 5 } });
  expect(await left(q, [...all, "r5", "r6"])).toEqual(["r2", "r3", "mail-r3", "r5", "r6"]);
  expect(await q.redis.zcard(q.keys.keptTypes)).toBe(3);
});

test("tasks that one call completes are trimmed to the count as well", async () => {
  const q = await setup();
  await q.add(["a", "b", "c", "d"], { keep: { count: 3 }, keepPayload: false });
  const { grants } = await q.acquire(4);
  await q.settle(grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence })));
  expect(await left(q, ["a", "b", "c", "d"])).toHaveLength(3);
  expect(await q.headers()).toBe(3);
});

test("the count of the task that completed last decides, and a settle removes a bounded number of tasks", async () => {
  const q = await setup();
  for (let at = 0; at < 250; at += 50) {
    const ids = Array.from({ length: 50 }, (_, n) => `t${String(at + n).padStart(3, "0")}`);
    await q.add(ids, { keep: { count: 1_000 } });
    const { grants } = await q.acquire(50);
    await q.settle(grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence })));
    q.advance(1);
  }
  const lengths: number[] = [];
  for (const id of ["x", "y", "z"]) {
    await complete(q, id, { keep: { count: 2 } });
    q.advance(1);
    lengths.push(await q.redis.zcard(q.keys.kept));
  }
  expect(lengths).toEqual([151, 52, 2]);
  expect(await left(q, ["t249", "x", "y", "z"])).toEqual(["y", "z"]);
});

test("with count alone the retentionMs of the queue limits the age; with completedMs, whichever comes first", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 1_000 });
  await complete(q, "a", { keep: { count: 2 } });
  await complete(q, "b", { type: "u", keep: { count: 1, completedMs: 2_000 } });
  q.advance(999);
  await purge(q);
  expect(await left(q, ["a", "b"])).toEqual(["a", "b"]);
  expect([(await q.task("a")).keptUntil, (await q.task("b")).keptUntil]).toEqual([null, q.now + 1_001]);
  q.advance(1);
  await purge(q);
  expect(await left(q, ["a", "b"])).toEqual(["b"]);
  await complete(q, "c", { type: "u", keep: { count: 1, completedMs: 2_000 } });
  expect(await left(q, ["b", "c"])).toEqual(["c"]);
  q.advance(2_000);
  await purge(q);
  expect(await left(q, ["c"])).toEqual([]);
  expect(await q.redis.exists(q.keys.keptTypes)).toBe(0);
});

test("tasks that are not kept by an option of their own do not count in the retentionCount of the others", async () => {
  const q = await setup();
  await q.engine.configure({ retentionCount: 2 });
  await complete(q, ["k1", "k2", "k3"], { keep: { completedMs: 5_000 } });
  await complete(q, ["a"], {});
  await complete(q, ["b"], {});
  expect(await left(q, ["a", "b"])).toEqual(["a", "b"]);
  q.advance(1);
  await complete(q, ["c"], { keep: { deadMs: 5 } });
  await purge(q);
  expect(await left(q, ["a", "b", "c"])).toEqual(["b", "c"]);
});

test("cancelled and expired tasks have the retention of the queue", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 1_000 });
  await q.add("x", { keep: { completedMs: 0, deadMs: 1, count: 1 } });
  await q.engine.cancel("x");
  await q.acquire(1);
  await q.add("e", { keep: { completedMs: 0 }, expiresAt: 1 });
  await q.acquire(1);
  q.advance(999);
  await purge(q);
  expect(await left(q, ["x", "e"])).toEqual(["x", "e"]);
  expect((await q.task("x")).keptUntil).toBeNull();
  q.advance(1);
  await purge(q);
  expect(await left(q, ["x", "e"])).toEqual([]);
});

test("a task that was tried again, reaped or put aside keeps its option", async () => {
  const q = await setup();
  const keep = { completedMs: 0, deadMs: 5 };
  await q.add("tried", { keep });
  await q.fail(await q.grant());
  await q.ack(await q.grant());
  await q.add("reaped", { keep });
  await q.grant();
  await q.crash();
  await q.ack(await q.grant());
  await q.add("aside", { type: "report", keep });
  await q.unrouted(await q.grant());
  for (const grant of await q.acquireTypes("report", 1)) await q.ack(grant);
  expect(await q.redis.zcard(q.keys.kept)).toBe(3);
  await purge(q);
  expect(await left(q, ["tried", "reaped", "aside"])).toEqual([]);
});

test("a worker of an earlier version that leased the task leaves it to the retention of the queue", async () => {
  const q = await setup();
  q.corrupted = true; // The audit after the test is skipped, because it expects the task in the list `kept`.
  await q.add("a", { keep: { completedMs: 0 } });
  const grant = await q.grant();
  const record = await q.redis.hget(q.keys.state, "a");
  await q.redis.hset(q.keys.state, "a", record?.replace("l1,0,0,0,0,0,l", "l1") ?? "");
  await q.ack(grant);
  await purge(q);
  expect((await q.task("a")).state).toBe("completed");
  expect(await q.redis.llen(q.keys.completed)).toBe(1);
});

test("the id that a caller gave is remembered after the purge, and a window of a unique key lasts", async () => {
  const q = await setup();
  const keep = { completedMs: 0, count: 1 };
  await complete(q, "given", { fingerprint: "fp", keep, keepPayload: false });
  await complete(q, "windowed", { keep, unique: { key: "k", scope: "window", windowMs: 10_000 } });
  await purge(q);
  expect(await left(q, ["given", "windowed"])).toEqual([]);
  const once = { ifEnded: "duplicate", fingerprint: "fp" } as const;
  expect(await q.add("given", once)).toBe("d");
  expect(await q.add("other", { unique: { key: "k", scope: "window", windowMs: 10_000 } })).not.toBe("n");
  q.advance(3_600_000);
  await purge(q);
  expect(await q.add("given", once)).toBe("n");
});

test("a dead letter with deadMs is dropped after this time, and counted as dropped", async () => {
  const q = await setup();
  await q.addDead("a", { keep: { deadMs: 1_000 } });
  await q.addDead("plain");
  expect((await q.task("a")).keptUntil).toBe(q.now + 1_000);
  q.advance(999);
  expect(await purge(q)).toMatchObject({ dropped: 0 });
  q.advance(1);
  expect(await purge(q)).toMatchObject({ purged: 0, dropped: 1 });
  expect(await left(q, ["a", "plain"])).toEqual(["plain"]);
  expect(await q.stats()).toMatchObject({ dead: 1, totals: { dropped: 1, purged: 1 } });
  expect(await q.redis.exists(q.keys.keptDead)).toBe(0);
});

test("an entry of kept whose task has no such option now removes no completed task", async () => {
  const q = await setup();
  const unique = { key: "u", onConflict: "replace" } as const;
  await q.add("a", { unique, keep: { completedMs: 0 }, payloadText: "1" });
  await q.add("b", { unique });
  for (const grant of (await q.acquire(1)).grants) await q.ack(grant);
  // A settle that was aborted before the task was replaced leaves this entry.
  await q.redis.zadd(q.keys.kept, String(q.now), "a");
  await purge(q);
  expect(await left(q, ["a"])).toEqual(["a"]);
  expect(await q.redis.exists(q.keys.kept)).toBe(0);
});

test("an entry whose time is too early drops no dead letter, and gets the right time", async () => {
  const q = await setup();
  await q.addDead("a", { keep: { deadMs: 1_000 } });
  await q.redis.zadd(q.keys.keptDead, String(q.now), "a");
  expect(await purge(q)).toMatchObject({ dropped: 0, forgotten: 0 });
  q.advance(1_000);
  expect(await purge(q)).toMatchObject({ dropped: 1 });
});

test("the caps of the queue hold beside deadMs, and all that is dropped is counted once", async () => {
  const q = await setup();
  await q.engine.configure({ maxDead: 2 });
  for (const id of ["a", "b", "c"]) {
    await q.addDead(id, { keep: { deadMs: id === "c" ? 10 : 1_000 } });
    q.advance(1);
  }
  q.advance(10);
  expect(await purge(q)).toMatchObject({ dropped: 2 });
  expect(await left(q, ["a", "b", "c"])).toEqual(["b"]);
  q.advance(1_000);
  expect(await purge(q)).toMatchObject({ dropped: 1, forgotten: 1 });
  expect(await q.stats()).toMatchObject({ dead: 0, totals: { dropped: 3, purged: 3 } });
});

test("after a replay, a restore or another death, the time counts from the death", async () => {
  const q = await setup();
  const keep = { deadMs: 1_000 };
  for (const id of ["replayed", "again", "restored", "late", "moved"]) await q.addDead(id, { keep });
  await q.engine.replay(["replayed", ""]);
  q.advance(500);
  await q.engine.replay(["again", ""]);
  const { grants } = await q.acquire(2);
  for (const grant of grants) if (grant.id === "again") await q.fatal(grant);
  await q.engine.discard(["restored", "", "late", "", "moved", "other/moved"], undefined, { discard: "d1" });
  await q.engine.restore(["restored"], "d1");
  q.advance(500);
  expect(await purge(q)).toMatchObject({ dropped: 1 });
  expect(await left(q, ["replayed", "again", "restored"])).toEqual(["replayed", "again"]);
  // The task was discarded when its time as a dead letter ended, so the restored task is dropped.
  await q.engine.restore(["late"], "d1");
  expect((await q.task("late")).state).toBe("dead");
  expect(await purge(q)).toMatchObject({ dropped: 1 });
  q.advance(499);
  expect(await purge(q)).toMatchObject({ dropped: 0 });
  q.advance(1);
  expect(await purge(q)).toMatchObject({ dropped: 1 });
  expect(await left(q, ["replayed", "again", "late"])).toEqual(["replayed"]);
});

test("tasks that die by a reap, by a reject or in another system are dropped as well", async () => {
  const q = await setup();
  const keep = { deadMs: 1_000 };
  await q.add("reaped", { keep, maxRetries: 0 });
  await q.grant();
  await q.crash();
  await q.add("rejected", { type: "old", keep });
  await q.acquire(1, { types: typesText("none"), noHandlerAfterMs: 1 });
  q.advance(1);
  await q.engine.reject([], "-", 100);
  await q.add("given-up", { keep, delayMs: 5 });
  await q.engine.giveUp(["given-up", "3", "fatal", String(q.now - 400), "0", "-", "Error: no"]);
  expect(await q.stats()).toMatchObject({ dead: 3 });
  q.advance(600);
  expect(await purge(q)).toMatchObject({ dropped: 1 });
  expect(await left(q, ["reaped", "rejected", "given-up"])).toEqual(["reaped", "rejected"]);
  q.advance(400);
  expect(await purge(q)).toMatchObject({ dropped: 2 });
});

test("a task that another system gave up is restored with its time", async () => {
  const q = await setup();
  await q.add("a", { keep: { deadMs: 1_000 }, delayMs: 5 });
  await q.engine.giveUp(["a", "3", "fatal", "0", "0", "-", "Error: no"]);
  await q.engine.discard(["a", ""], undefined, { discard: "d1" });
  q.advance(1_000);
  await purge(q);
  await q.engine.restore(["a"], "d1");
  expect(await purge(q)).toMatchObject({ dropped: 1 });
});

test("an empty of completed tasks also removes those with keep, and their entries by type", async () => {
  const q = await setup();
  await complete(q, ["a"], { keep: { count: 2 }, fingerprint: "fp" });
  await complete(q, ["b"], { keep: { completedMs: 5 }, keepPayload: false });
  await complete(q, ["c"], {});
  expect(await q.engine.empty("kept", "completed", 100)).toEqual({ removed: 2, looked: 2 });
  expect(await q.redis.exists(q.keys.kept, q.keys.keptTypes)).toBe(0);
  expect(await left(q, ["a", "b", "c"])).toEqual(["c"]);
  expect(await q.stats()).toMatchObject({ completed: 1 });
});

test("a queue that has tasks with keep is not deleted", async () => {
  const q = await setup();
  await complete(q, "a", { keep: { completedMs: 5 } });
  await q.engine.pause(true, "no");
  expect(await q.engine.delete()).toBe("busy");
  await q.engine.empty("kept", "completed", 100);
  expect(await q.engine.delete()).toBe("deleted");
});

test("the audit finds and removes an entry of kept without a completed task", async () => {
  const q = await setup();
  await complete(q, "a", { keep: { completedMs: 5 } });
  await q.redis.zadd(q.keys.kept, String(q.now), "none");
  const found = await q.engine.audit(true, "kept", 0, 100);
  expect(found.violations).toContainEqual({
    invariant: "I1",
    detail: "kept has an entry for none, which has no record in that state",
  });
  expect(await q.redis.zrange(q.keys.kept, "0", "-1")).toEqual(["a"]);
});

test("a listing of completed tasks has tasks without keep first, then those with keep, page by page and within a time span", async () => {
  const q = await setup();
  const from = q.now;
  for (const id of ["a", "b", "c"]) {
    await complete(q, id, {});
    await complete(q, `k${id}`, { keep: { completedMs: id === "b" ? 90_000 : 50_000 } });
    q.advance(1_000);
  }
  const list = async (options: Partial<ListOptions>) => {
    const ids: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await listPart(q.name, q.engine, {
        state: "completed",
        limit: 2,
        ...options,
        ...(cursor === undefined ? {} : { cursor }),
      });
      expect(page.total).toBe(6);
      ids.push(...page.tasks.map((task) => task.id));
      if (page.cursor === null) return ids;
      cursor = page.cursor;
    }
  };
  expect(await list({})).toEqual(["c", "b", "a", "kb", "kc", "ka"]);
  expect(await list({ from: from + 1_000 })).toEqual(["c", "b", "kb", "kc"]);
  expect(await list({ from: from + 500, to: from + 1_500 })).toEqual(["b", "kb"]);
  expect(await list({ to: from + 1_500 })).toEqual(["b", "a", "kb", "ka"]);
});
